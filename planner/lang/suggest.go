package lang

import (
	"fmt"

	"github.com/agext/levenshtein"
)

// suggest returns " Did you mean X?" for the candidate that is nearest to a mistyped name, or nothing when none is near.
func suggest(given string, candidates []string) string {
	best, distance := "", 3
	for _, c := range candidates {
		if d := levenshtein.Distance(given, c, nil); d < distance && d < len(given) {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}
