package build

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Source says what an image is made from. Equal sources make one image.
type Source struct {
	// From is "debian:SUITE" ("debian:bookworm"), or "dir:PATH", the absolute path of a tree with a distribution and a kernel in
	// it; it is copied, without other file systems that are mounted in it.
	From string
	// Packages are installed beside the base of a Debian suite; order and repetitions do not matter. None for dir.
	Packages []string
	// Kernel is the package of a Debian suite's kernel; empty: "linux-image-amd64" or its like. dir takes the newest kernel of
	// the tree, whatever stands here.
	Kernel string
	// Mirror is the URL of a Debian archive; empty: Debian's own, with its updates and security archives. It must not carry a
	// password.
	Mirror string
	// Architecture is Go's name of it; empty, or the one of this machine.
	Architecture string
	// Compression is the zstd level of the squashfs, 1 to 22; 0: 15. Level 3 takes a twentieth of the time and makes 15 % more.
	Compression int
	// Customize is a POSIX shell script, run as root inside of the tree with `sh -e` before it is sealed; empty: none. It has the
	// network and the machine's /dev; services that it installs are not started.
	Customize string
}

const defaultCompression = 15

var (
	suiteName   = regexp.MustCompile(`^[a-z][a-z0-9.+-]*$`)
	packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+|/[a-z0-9.+-]+)?$`) // apt-get(8)
	mirrorURL   = regexp.MustCompile(`^(https?|file)://[^\s\[\]@]+$`)
)

// Check says what is wrong with s, as far as that can be said without looking at anything.
func (s Source) Check() error {
	_, err := s.complete()
	return err
}

// complete returns s with its defaults filled in and its packages sorted.
func (s Source) complete() (Source, error) {
	if s.Architecture == "" {
		s.Architecture = runtime.GOARCH
	}
	if s.Architecture != runtime.GOARCH {
		return s, fmt.Errorf("architecture %s: this machine can build for %s only; build it on a machine of that kind", s.Architecture, runtime.GOARCH)
	}
	if s.Compression == 0 {
		s.Compression = defaultCompression
	}
	if s.Compression < 1 || s.Compression > 22 {
		return s, fmt.Errorf("compression level %d: zstd has 1 to 22", s.Compression)
	}
	s.Packages = slices.Compact(slices.Sorted(slices.Values(s.Packages)))
	kind, rest, _ := strings.Cut(s.From, ":")
	switch kind {
	case "debian":
		return s.completeDebian(rest)
	case "dir":
		return s.completeDir(rest)
	}
	return s, errors.New(`want "debian:SUITE" or "dir:PATH"`)
}

func (s Source) completeDebian(suite string) (Source, error) {
	if !suiteName.MatchString(suite) {
		return s, fmt.Errorf(`%q is no Debian suite: want a name like "bookworm"`, suite)
	}
	if s.Kernel == "" {
		s.Kernel = "linux-image-" + s.Architecture
	}
	for _, p := range append([]string{s.Kernel}, s.Packages...) {
		if !packageName.MatchString(p) {
			return s, fmt.Errorf("%q is no name of a Debian package", p)
		}
	}
	if s.Mirror != "" && !mirrorURL.MatchString(s.Mirror) {
		return s, fmt.Errorf("mirror %q: want an http, https or file URL without a user or password", s.Mirror)
	}
	return s, nil
}

func (s Source) completeDir(dir string) (Source, error) {
	if !filepath.IsAbs(dir) {
		return s, fmt.Errorf("%q is no absolute path", dir)
	}
	if len(s.Packages) > 0 {
		return s, errors.New("packages can be added to debian:SUITE only; install them in the tree")
	}
	if s.Mirror != "" {
		return s, errors.New("a mirror makes sense for debian:SUITE only")
	}
	s.From = "dir:" + filepath.Clean(dir)
	s.Kernel = ""
	return s, nil
}

// suite returns the Debian suite, and nothing for another source.
func (s Source) suite() string { return after(s.From, "debian:") }

// dir returns the path of the tree, and nothing for another source.
func (s Source) dir() string { return after(s.From, "dir:") }

func after(s, prefix string) string {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return ""
	}
	return rest
}

// makeTree fills the folder tree, which does not exist yet, from the source.
func (b *Builder) makeTree(ctx context.Context, src Source, tree string) error {
	if src.suite() != "" {
		return b.debian(ctx, src, tree)
	}
	return b.copyDir(ctx, src.dir(), tree)
}
