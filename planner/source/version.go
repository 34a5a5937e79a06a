package source

import (
	"fmt"

	"github.com/hashicorp/go-version"
)

// Newest returns the tag with the highest version that meets a constraint. Tags that are no versions do not count, and those before a release
// ("1.0.0-rc1") only where the constraint names one.
func Newest(tags []string, constraint string) (string, error) {
	want, err := version.NewConstraint(constraint)
	if err != nil {
		return "", fmt.Errorf("%q is no version constraint: write one like \"~> 1.2\"", constraint)
	}
	var best *version.Version
	chosen, versions := "", 0
	for _, tag := range tags {
		v, err := version.NewVersion(tag)
		if err != nil {
			continue
		}
		versions++
		// Of 1.2 and v1.2.0, which are one version, the same is chosen whatever their order.
		if want.Check(v) && (best == nil || v.GreaterThan(best) || v.Equal(best) && tag < chosen) {
			best, chosen = v, tag
		}
	}
	if best == nil {
		return "", fmt.Errorf("none of its %d tags that are versions meets %q", versions, constraint)
	}
	return chosen, nil
}
