package overlay

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/sys/unix"
)

// Bounds of a look at where the bytes are: entries that are looked at, how deep, and how many folders are named.
const (
	maxEntries = 20_000
	maxDepth   = 32
	maxNamed   = 3
)

// folder is one of the layer, at most two levels below its top, with all that is in it.
type folder struct {
	name  string // "/var/log"
	bytes int64
}

// survey counts what is in a layer.
type survey struct {
	left  int // entries that may be looked at still
	bytes map[string]int64
}

// largest returns the folders of a layer with the most in them, those with less than least bytes left out. It looks at so many entries
// only; in a layer with more, what it says is about some of them.
func largest(dir string, least int64) []folder {
	s := survey{left: maxEntries, bytes: map[string]int64{}}
	s.look(dir, "/", 0)
	var all []folder
	for name, bytes := range s.bytes {
		if bytes >= max(least, 1) {
			all = append(all, folder{name, bytes})
		}
	}
	slices.SortFunc(all, func(a, b folder) int { return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.name, b.name)) })
	return all[:min(len(all), maxNamed)]
}

// look counts what is in a folder for name, piece by piece: a folder may have any number of entries.
func (s *survey) look(dir, name string, depth int) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return // it was removed meanwhile
	}
	defer f.Close()
	for s.left > 0 {
		entries, err := f.ReadDir(min(s.left, 256))
		for _, e := range entries {
			s.left--
			s.entry(dir, name, depth, e)
		}
		if err != nil {
			return
		}
	}
}

func (s *survey) entry(dir, name string, depth int, e fs.DirEntry) {
	if e.IsDir() {
		if depth < 2 {
			name = path.Join(name, e.Name())
		}
		if depth < maxDepth {
			s.look(filepath.Join(dir, e.Name()), name, depth+1)
		}
		return
	}
	if info, err := e.Info(); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			s.bytes[name] += st.Blocks * 512
		}
	}
}

// describe is for people: "/var/log (120 MB), /root (30 MB)".
func describe(folders []folder) string {
	var parts []string
	for _, f := range folders {
		parts = append(parts, fmt.Sprintf("%s (%d MB)", printable(f.name), (f.bytes+500_000)/1_000_000))
	}
	return strings.Join(parts, ", ")
}

// printable quotes a name that would not stand on a terminal as it is.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.QuoteToASCII(name)
	}
	return name
}
