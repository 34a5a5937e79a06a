package overlay

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const mb = 1_000_000

// bytesOf is a usage of so many percent of 200 MB.
func bytesOf(percent int64) Usage {
	return Usage{Used: percent * 2 * mb, Size: 200 * mb, Files: 10, MaxFiles: 1000}
}

func filesOf(percent int64) Usage {
	return Usage{Used: mb, Size: 200 * mb, Files: percent * 10, MaxFiles: 1000}
}

// said plays what is seen, one look after the other, and returns what was said of it.
func said(t *testing.T, seen []func() (Usage, error)) (all []string) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		looks := 0
		w := Watch{Dir: filepath.Join(t.TempDir(), "upper"), Statfs: func(string) (Usage, error) {
			looks++
			if looks == len(seen) {
				defer cancel()
			}
			return seen[looks-1]()
		}}
		begun := time.Now()
		w.Run(ctx, func(text string) { all = append(all, text) })
		if took := time.Since(begun); looks != len(seen) || took != defaultEvery*time.Duration(len(seen)-1) {
			t.Errorf("%d looks in %v", looks, took)
		}
	})
	return all
}

func see(usages ...Usage) (seen []func() (Usage, error)) {
	for _, u := range usages {
		seen = append(seen, func() (Usage, error) { return u, nil })
	}
	return seen
}

func TestWarnings(t *testing.T) {
	const files = "changes to the root are 96 % of the 1000 files that there is room for"
	filled := func(percent string) string {
		return "changes to the root fill " + percent + " % of the 200 MB of RAM for them"
	}
	for name, c := range map[string]struct {
		seen []func() (Usage, error)
		want []string
	}{
		"nothing to say":             {see(bytesOf(1), bytesOf(84), bytesOf(0)), nil},
		"once, and when it is over":  {see(bytesOf(10), bytesOf(85), bytesOf(86), bytesOf(89), bytesOf(81), bytesOf(79), bytesOf(10)), []string{filled("85"), ""}},
		"up and down between":        {see(bytesOf(86), bytesOf(84), bytesOf(86), bytesOf(80)), []string{filled("86")}},
		"at each step":               {see(bytesOf(87), bytesOf(93), bytesOf(95), bytesOf(100), bytesOf(100)), []string{filled("87"), filled("93"), filled("95"), filled("100")}},
		"again":                      {see(bytesOf(90), bytesOf(50), bytesOf(90)), []string{filled("90"), "", filled("90")}},
		"files":                      {see(filesOf(96), filesOf(12)), []string{files, ""}},
		"no bound":                   {see(Usage{Used: mb}), nil},
		"not there yet, or for once": {append([]func() (Usage, error){gone, gone}, append(see(bytesOf(85)), gone, gone)...), []string{filled("85")}},
	} {
		t.Run(name, func(t *testing.T) {
			got := said(t, c.seen)
			for i := range got {
				got[i] = strings.TrimSuffix(got[i], ": remove what is not needed")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func gone() (Usage, error) { return Usage{}, errors.New("gone") }

// fill writes a file of so many bytes below dir.
func fill(t *testing.T, dir, name string, bytes int) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, bytes), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheLargestFoldersAreNamed(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{
		"var/log/a/b/c": 3 * mb, "var/log/x": 2 * mb, "root/big": 4 * mb, "top": 3 * mb, "home/ada/x": 2 * mb, "home/b\n/x": 3 * mb, "etc/motd": 100,
	} {
		fill(t, dir, name, size)
	}
	if err := os.Symlink("/", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	got := describe(largest(dir, mb))
	if want := `/var/log (5 MB), /root (4 MB), / (3 MB)`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	w := Watch{Dir: dir}
	if text := w.warning(Usage{Used: 45 * mb, Size: 50 * mb}); !strings.HasSuffix(text, ", most in /var/log (5 MB): remove what is not needed") {
		t.Error(text)
	}
	if printable("/home/b\n") != `"/home/b\n"` || printable("/héme") != "/héme" {
		t.Error("a name may not stand on a terminal as it is")
	}
}

func TestALookIsBounded(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/1", "a/2", "a/3", "b/1"} {
		fill(t, dir, name, 4096)
	}
	s := survey{left: 3, bytes: map[string]int64{}}
	s.look(dir, "/", 0)
	if s.left < 0 || len(s.bytes) != 1 {
		t.Errorf("%d left, found %v", s.left, s.bytes)
	}
	fill(t, dir, strings.Repeat("d/", 50)+"deep", 4096)
	if got := largest(dir, 1); len(got) != 2 {
		t.Errorf("the deepest is found: %v", got)
	}
}

func TestTheKernelsAnswer(t *testing.T) {
	u, err := statfs(t.TempDir())
	if err != nil || u.Size <= 0 || u.Used < 0 || u.Used > u.Size || u.Files > u.MaxFiles {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := statfs("/nowhere"); err == nil {
		t.Error("a folder that is not there has a usage")
	}
}
