package lang

import (
	"strings"
	"testing"
)

// FuzzNames: whatever is given, there is an error or a bounded number of names without brackets.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"n[001-128]", "r[1-2]n[1-2]x, login", "n[0-8/2,10]", "n[", "n]", ",", "[1][2][3-]", "n[0-2147483647/2147483647]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, set string) {
		all, err := expandNames(set)
		if err != nil {
			return
		}
		if len(all) == 0 || len(all) > maxNames {
			t.Errorf("%q are %d names", set, len(all))
		}
		for _, name := range all {
			if strings.ContainsAny(name, "[], \t\n") {
				t.Fatalf("%q has the name %q", set, name)
			}
		}
	})
}
