package field

import "testing"

func TestCheckShare(t *testing.T) {
	for _, text := range []string{DefaultShare, "0", "90%", "512MiB", "1.5 GiB", "4096"} {
		if err := CheckShare(text); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"", "%", "-1", "91%", "NaN", "1e400", "ten", "25% MiB", "1 TB"} {
		if CheckShare(text) == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "4096": 4096, "64MiB": 64 << 20, " 1.5 GiB ": 3 << 29, "1KiB": 1024} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q is %d (%v), not %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "25%", "MiB", "9e99", "2000000GiB", "Inf"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q is taken as %d", text, got)
		}
	}
}

func FuzzShare(f *testing.F) {
	f.Add("25%", int64(1000))
	f.Add("1.5 GiB", int64(8<<30))
	f.Fuzz(func(t *testing.T, text string, total int64) {
		if total < 0 || total > maxBytes {
			return
		}
		n, err := ParseShare(text, total)
		if err == nil && (n < 0 || n > total || CheckShare(text) != nil) {
			t.Errorf("%q of %d is %d, and its form is judged %v", text, total, n, CheckShare(text))
		}
	})
}
