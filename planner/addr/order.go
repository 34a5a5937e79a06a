package addr

import (
	"cmp"
	"slices"
	"strings"
)

// Compare orders addresses as people count: by the Pacs on the way (a module before the Pacs in it), then by type, name and key,
// each in natural order.
func Compare(a, b Instance) int {
	return cmp.Or(
		slices.CompareFunc(a.Module, b.Module, compareCalls),
		Natural(a.Type, b.Type),
		Natural(a.Name, b.Name),
		CompareKeys(a.Key, b.Key),
	)
}

func compareCalls(a, b Call) int {
	return cmp.Or(Natural(a.Name, b.Name), CompareKeys(a.Key, b.Key))
}

// CompareKeys orders no key before numbers, and numbers before strings, which are in natural order.
func CompareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.number, b.number), Natural(a.text, b.text))
}

// Natural orders strings so that runs of digits count as numbers: pc2 before pc10. Strings that differ only in leading
// zeros are ordered by their bytes, so that 0 means equal.
func Natural(a, b string) int {
	whole := strings.Compare(a, b)
	for a != "" && b != "" {
		da, db := digits(a), digits(b)
		if da == 0 || db == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
		if c := cmp.Or(cmp.Compare(len(na), len(nb)), strings.Compare(na, nb)); c != 0 {
			return c
		}
		a, b = a[da:], b[db:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), whole)
}

func digits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}
