// Package natural orders names as people do: pc2 before pc10, and kernel 6.9 before 6.12.
package natural

import (
	"cmp"
	"strings"
)

// Compare orders strings by their bytes, but runs of decimal digits by their value. Strings that differ in leading zeros only are
// ordered by their bytes, so that 0 means equal.
func Compare(a, b string) int {
	whole := strings.Compare(a, b)
	for a != "" && b != "" {
		x, restA := digits(a)
		y, restB := digits(b)
		if x == "" || y == "" {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
			return c
		}
		a, b = restA, restB
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), whole)
}

// digits splits off the number that s starts with, "" if none.
func digits(s string) (number, rest string) {
	rest = strings.TrimLeft(s, "0123456789")
	return s[:len(s)-len(rest)], rest
}
