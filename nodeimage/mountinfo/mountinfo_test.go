package mountinfo

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const example = `22 1 0:21 / / rw shared:1 - tmpfs tmpfs rw
30 22 0:25 / /oldroot rw,relatime shared:2 - overlay overlay rw
31 30 0:26 / /oldroot/dev/shm rw - tmpfs tmpfs rw
33 30 0:28 / /oldroot/mnt/a\040b\134c rw - tmpfs tmpfs rw
32 30 0:27 / /oldroot/dev rw - devtmpfs devtmpfs rw
34 22 0:29 / /oldroots rw - tmpfs tmpfs rw
short line
35 22 0:30 / /oldroot/dev rw - tmpfs tmpfs rw
`

func TestBelow(t *testing.T) {
	for dir, want := range map[string][]string{
		"/oldroot": {`/oldroot/mnt/a b\c`, "/oldroot/dev/shm", "/oldroot/dev", "/oldroot/dev", "/oldroot"},
		"/new":     nil,
	} {
		got, err := below(strings.NewReader(example), dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
	if got, err := below(strings.NewReader(example), "/"); len(got) != 7 || err != nil {
		t.Errorf("below the root are %q, %v", got, err)
	}
}

func TestHere(t *testing.T) {
	if got, err := Below("/proc"); err != nil || !slices.Contains(got, "/proc") {
		t.Errorf("/proc is not mounted? %q, %v", got, err)
	}
}

func FuzzBelow(f *testing.F) {
	f.Add(example)
	f.Fuzz(func(t *testing.T, text string) {
		points, _ := below(strings.NewReader(text), "/oldroot")
		for _, p := range points {
			if p != "/oldroot" && !strings.HasPrefix(p, "/oldroot/") {
				t.Errorf("%q", p)
			}
		}
	})
}
