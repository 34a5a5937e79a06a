package natural_test

import (
	"testing"

	"viver/nodeimage/natural"
)

func TestCompare(t *testing.T) {
	for _, ordered := range [][]string{
		{"", "a", "a01", "a1", "a2", "a10", "a10b2", "a10b10", "b"},
		{"5.10.0-30-amd64", "6.1.0-9-amd64", "6.1.0-10-amd64", "6.1.0-10-cloud-amd64", "6.6.8", "6.6.8-lts", "6.12"},
		{"9", "99999999999999999999", "100000000000000000000"},
	} {
		for i, a := range ordered {
			for j, b := range ordered {
				if got := natural.Compare(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
					t.Errorf("%q, %q: %d", a, b, got)
				}
			}
		}
	}
}

// FuzzCompare checks that it is an order: the same from both sides, equal only for the same, and without circles.
func FuzzCompare(f *testing.F) {
	f.Add("pc2", "pc10", "pc02")
	f.Add("a0", "a", "a00b")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, bc, ac := natural.Compare(a, b), natural.Compare(b, c), natural.Compare(a, c)
		if ab != -natural.Compare(b, a) || (ab == 0) != (a == b) {
			t.Errorf("%q, %q: %d, and the other way round %d", a, b, ab, natural.Compare(b, a))
		}
		if ab <= 0 && bc <= 0 && ac > 0 {
			t.Errorf("%q, %q, %q go round in a circle", a, b, c)
		}
	})
}
