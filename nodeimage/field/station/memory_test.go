package station

import "testing"

func TestAvailable(t *testing.T) {
	const text = "MemTotal:        1005672 kB\nMemFree:          512000 kB\nMemAvailable:     700000 kB\n"
	if got, ok := available([]byte(text)); !ok || got != 700000<<10 {
		t.Errorf("%d, %v", got, ok)
	}
	for _, bad := range []string{"", "MemFree: 3 kB\n", "MemAvailable: much\n"} {
		if got, ok := available([]byte(bad)); ok {
			t.Errorf("%q: %d", bad, got)
		}
	}
}
