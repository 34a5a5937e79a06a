package source_test

import (
	"strings"
	"testing"

	"viver/planner/source"
)

func TestNewest(t *testing.T) {
	tags := []string{"latest", "v1.2.0", "1.10.0", "v1.9.9", "v2.0.0-rc1", "main", "1.10", "v3"}
	for constraint, want := range map[string]string{"~> 1.2": "1.10", "~> 1.2.0": "v1.2.0", "< 2": "1.10", "2.0.0-rc1": "v2.0.0-rc1", ">= 0": "v3"} {
		if got, err := source.Newest(tags, constraint); err != nil || got != want {
			t.Errorf("Newest(%s) = %s, %v, want %s", constraint, got, err, want)
		}
	}
	for constraint, want := range map[string]string{"~> 4": `none of its 6 tags that are versions meets "~> 4"`, "about 1": "no version constraint"} {
		if _, err := source.Newest(tags, constraint); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Newest(%s): %v, want an error with %q", constraint, err, want)
		}
	}
}
