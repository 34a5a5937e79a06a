package node

import "testing"

func FuzzRange(f *testing.F) {
	f.Add("0-64MiB")
	f.Add("64MiB-")
	f.Add("1e3-1.5GiB")
	f.Fuzz(func(t *testing.T, text string) {
		begin, end, err := rangeOf(text)
		if err == nil && (begin < 0 || begin >= end || end > endOfAll) {
			t.Errorf("%q is %d to %d", text, begin, end)
		}
	})
}
