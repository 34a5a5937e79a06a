package resource

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseShare reads "4" or "25%" of so many, rounded down.
func ParseShare(text string, of int) (int, error) {
	digits, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil || n < 0 || percent && n > 100:
		return 0, fmt.Errorf("%q is neither a number nor a share: one like 4 or \"25%%\" is wanted", text)
	case percent:
		return of * n / 100, nil
	}
	return n, nil
}
