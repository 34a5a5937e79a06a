// Package tree is folders of files that come from elsewhere: their hash, their bounds, and how they are written. It owns what a fetched
// folder may hold, and knows nothing of where it comes from or of what the files say.
//
// A tree is regular files, of whose modes only the executable bit counts, and relative symbolic links that stay within it. Folders are not
// part of it: an empty one does not exist.
package tree

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a tree.
const (
	MaxFiles = 10_000
	MaxBytes = 64 << 20 // of all files together
	maxName  = 1024     // bytes of a path
)

// Kind is what an Entry is.
type Kind string

// The kinds of an Entry.
const (
	File       Kind = "file"
	Executable Kind = "exec"
	Link       Kind = "link"
)

// Entry is one file or link of a tree.
type Entry struct {
	Name string // relative, with slashes
	Kind Kind
	Size int64  // bytes of a file
	Link string // target of a link
}

// List returns the entries of the folder dir, sorted by name, but for those at its top with a name in without. It fails for what no tree
// may hold.
func List(dir string, without ...string) ([]Entry, error) {
	var list []Entry
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && name != dir && filepath.Dir(name) == filepath.Clean(dir) && slices.Contains(without, d.Name()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		e, err := entry(dir, name, d)
		list = append(list, e)
		if err == nil && len(list) > MaxFiles {
			err = Bounded(list)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	if err := Bounded(list); err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	return list, nil
}

func entry(dir, name string, d fs.DirEntry) (Entry, error) {
	rel, err := filepath.Rel(dir, name)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Name: filepath.ToSlash(rel)}
	info, err := d.Info()
	if err != nil {
		return e, err
	}
	switch mode := info.Mode(); {
	case mode.Type() == fs.ModeSymlink:
		e.Kind = Link
		if e.Link, err = os.Readlink(name); err != nil {
			return e, err
		}
	case mode.IsRegular():
		e.Kind, e.Size = File, info.Size()
		if mode&0o100 != 0 {
			e.Kind = Executable
		}
	default:
		return e, fmt.Errorf("%s is neither a file nor a link", e.Name)
	}
	return e, e.check()
}

// Bounded says in which way these entries are too much for a tree, or which of them no tree may hold; nil: they may be one.
func Bounded(list []Entry) error {
	if len(list) > MaxFiles {
		return fmt.Errorf("it has more than %d files: that is no Pac", MaxFiles)
	}
	total := int64(0)
	for _, e := range list {
		if err := e.check(); err != nil {
			return err
		}
		if total += e.Size; total > MaxBytes || e.Size < 0 {
			return fmt.Errorf("its files have more than %d MiB: that is no Pac", MaxBytes>>20)
		}
	}
	return nil
}

// check refuses names and links that lead out of the tree, and names that cannot be shown.
func (e Entry) check() error {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(e.Name) > maxName || !utf8.ValidString(e.Name) || strings.ContainsFunc(e.Name, hidden) || strings.Contains(e.Name, `\`) {
		return fmt.Errorf("the name %.80q cannot be used: names are printable UTF-8 of at most %d bytes, without backslashes", e.Name, maxName)
	}
	if !fs.ValidPath(e.Name) || e.Name == "." {
		return fmt.Errorf("the name %q is no path within the folder", e.Name)
	}
	if slices.ContainsFunc(strings.Split(e.Name, "/"), func(part string) bool { return strings.EqualFold(part, ".git") }) {
		return fmt.Errorf("%s belongs to git itself and to no Pac", e.Name)
	}
	if e.Kind == Link {
		return e.checkLink()
	}
	return nil
}

// checkLink allows targets that first go up, not beyond the tree, and then only down. A link's folder is a real one, and each link on the way
// down is such a link itself: so nothing leads out, however links follow each other.
func (e Entry) checkLink() error {
	rest, up := e.Link, 0
	for strings.HasPrefix(rest, "../") || rest == ".." {
		rest, up = strings.TrimPrefix(strings.TrimPrefix(rest, ".."), "/"), up+1
	}
	down := rest == "" && up > 0 || fs.ValidPath(rest)
	if !down || up > strings.Count(e.Name, "/") {
		return fmt.Errorf("the link %s leads to %q, out of the folder", e.Name, e.Link)
	}
	return nil
}

// Hash is the digest of all that counts in the folder dir: names, kinds and contents. It is "h1:" and the SHA-256, in base64, of one line for each entry,
// sorted by name: kind, SHA-256 of the content or of the link's target in hex, name; with a space between and a line feed at the end.
func Hash(dir string) (string, error) {
	list, err := List(dir)
	if err != nil {
		return "", err
	}
	all := sha256.New()
	for _, e := range list {
		sum, err := e.digest(dir)
		if err != nil {
			return "", fmt.Errorf("folder %s: %w", dir, err)
		}
		fmt.Fprintf(all, "%s %x %s\n", e.Kind, sum, e.Name)
	}
	return "h1:" + base64.StdEncoding.EncodeToString(all.Sum(nil)), nil
}

func (e Entry) digest(dir string) ([]byte, error) {
	h := sha256.New()
	if e.Kind == Link {
		_, err := io.WriteString(h, e.Link)
		return h.Sum(nil), err
	}
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(e.Name)))
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(h, io.LimitReader(f, MaxBytes+1))
	if err == nil && n != e.Size {
		err = fmt.Errorf("%s changed while it was read", e.Name)
	}
	return h.Sum(nil), errors.Join(err, f.Close())
}
