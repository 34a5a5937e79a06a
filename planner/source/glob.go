package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
)

// maxMatches is how many files Glob finds at most.
const maxMatches = 100_000

var errManyMatches = errors.New("too many")

// Glob returns the names of the regular files below a folder that match a pattern (*, ?, [a-z], {a,b}, and ** for any folders), relative to
// that folder and sorted. The folder is understood as by ReadFile. One that is not there has no files.
func (d Dir) Glob(folder, pattern string) ([]string, error) {
	if !doublestar.ValidatePattern(pattern) {
		return nil, fmt.Errorf("%q is no pattern; write one like *.txt, **/*.conf or {a,b}.txt", pattern)
	}
	var below fs.FS
	if d.builtin != nil {
		sub, err := fs.Sub(d.builtin, d.inside(folder))
		if err != nil {
			return nil, fmt.Errorf("folder %s: %w", folder, reason(err))
		}
		below = sub
	} else {
		below = os.DirFS(d.onDisk(folder))
	}
	var names []string
	err := doublestar.GlobWalk(below, pattern, func(name string, _ fs.DirEntry) error {
		if len(names) == maxMatches {
			return errManyMatches
		}
		names = append(names, name)
		return nil
	}, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errManyMatches):
		return nil, fmt.Errorf("more than %d files match %q in %s", maxMatches, pattern, folder)
	case err != nil:
		return nil, fmt.Errorf("folder %s: %w", folder, reason(err))
	}
	slices.Sort(names)
	return names, nil
}
