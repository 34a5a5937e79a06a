// Package source finds the folder that a Pac's source string names, and reads files in it. It owns the forms of source strings
// and knows nothing of what the files say. What has to be fetched is found in a folder; how it came there is not its business.
package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// MaxFile is the size in bytes of the largest file that is read.
const MaxFile = 16 << 20

const builtinPrefix = "builtin/"

// Dir is a folder of configuration files: on disk, or one that viver brings along.
type Dir struct {
	// Path names the folder to expressions (path.module) and tells folders apart: absolute on disk, "builtin/dhcp" else.
	Path string
	// label stands before file names in messages: the folder as the operator wrote it.
	label string
	// builtin is nil for a folder on disk, else the file system that has the folder at base.
	builtin fs.FS
	base    string
	// within is the folder that a fetched Pac came in, which its sources do not leave; empty: any folder will do.
	within string
}

// Places are where Pacs come from, those beside the configuration aside.
type Places struct {
	Builtin fs.FS // a folder for each Pac "builtin/NAME"; nil: there are none
	Remote  Remote
}

// Remote has the Pacs that had to be fetched.
type Remote interface {
	// Folder returns the folder on disk that holds the whole repository of an origin, relative paths being as the operator would write them.
	Folder(o Origin) (string, error)
}

// Local returns the folder on disk. It fails if there is none.
func Local(dir string) (Dir, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Dir{}, fmt.Errorf("folder %s: %w", dir, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return Dir{}, fmt.Errorf("folder %s: %w", dir, reason(err))
	}
	if !info.IsDir() {
		return Dir{}, fmt.Errorf("%s is not a folder", dir)
	}
	return Dir{Path: abs, label: filepath.Clean(dir)}, nil
}

// Resolve returns the folder that source names when a file in from says it: "./x" and "../x" beside that file, "builtin/x" among those that
// come with viver, "git::URL//x?ref=y" and "oci://HOST/NAME:TAG" among those that were fetched. Version is the constraint beside it.
func (p Places) Resolve(from Dir, source, version string) (Dir, error) {
	if version != "" && !Fetched(source) {
		return Dir{}, errors.New("a version can be asked for only where it is fetched, by git:: or oci://")
	}
	switch {
	case strings.HasPrefix(source, "./"), strings.HasPrefix(source, "../"):
		return from.relative(source)
	case strings.HasPrefix(source, builtinPrefix):
		return inBuiltin(p.Builtin, strings.TrimPrefix(source, builtinPrefix))
	case Fetched(source):
		return p.remote(source, version)
	default:
		return Dir{}, errors.New("want a folder beside this file, \"./NAME\", a Pac that comes with viver, \"builtin/NAME\", or one to fetch, \"git::URL\" or \"oci://HOST/NAME:TAG\"")
	}
}

func (p Places) remote(source, version string) (Dir, error) {
	origin, sub, err := Parse(source, version)
	if err != nil {
		return Dir{}, err
	}
	if p.Remote == nil {
		return Dir{}, errors.New("nothing can be fetched here")
	}
	folder, err := p.Remote.Folder(origin)
	if err != nil {
		return Dir{}, err
	}
	whole, err := Local(folder)
	if err != nil {
		return Dir{}, err
	}
	whole.within = whole.Path
	return whole.relative("./" + sub)
}

func (d Dir) relative(source string) (Dir, error) {
	if d.builtin != nil {
		return inBuiltin(d.builtin, path.Join(d.base, source))
	}
	if at := filepath.Join(d.Path, source); d.within != "" && at != d.within && !strings.HasPrefix(at, d.within+string(filepath.Separator)) {
		return Dir{}, errors.New("it leads out of what was fetched")
	}
	dir, err := Local(filepath.Join(d.label, source))
	dir.within = d.within
	return dir, err
}

func inBuiltin(builtin fs.FS, name string) (Dir, error) {
	name = path.Clean(name)
	if builtin == nil || !fs.ValidPath(name) || name == "." {
		return Dir{}, fmt.Errorf("no Pac %s%s comes with viver", builtinPrefix, name)
	}
	if info, err := fs.Stat(builtin, name); err != nil || !info.IsDir() {
		return Dir{}, fmt.Errorf("no Pac %s%s comes with viver; there are %s", builtinPrefix, name, strings.Join(names(builtin), ", "))
	}
	return Dir{Path: builtinPrefix + name, label: builtinPrefix + name, builtin: builtin, base: name}, nil
}

// names lists the folders that are Pacs: those with a configuration file.
func names(builtin fs.FS) []string {
	files, err := fs.Glob(builtin, "*/*.viver.hcl")
	if err != nil || len(files) == 0 {
		return []string{"none"}
	}
	var dirs []string
	for _, f := range files {
		if d := path.Dir(f); len(dirs) == 0 || dirs[len(dirs)-1] != d {
			dirs = append(dirs, d)
		}
	}
	return dirs
}

// Label returns how messages call a file of this folder.
func (d Dir) Label(name string) string { return filepath.Join(d.label, name) }

// Names returns the names of the files in this folder, sorted.
func (d Dir) Names() ([]string, error) {
	var entries []fs.DirEntry
	var err error
	if d.builtin != nil {
		entries, err = fs.ReadDir(d.builtin, d.base)
	} else {
		entries, err = os.ReadDir(d.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", d.label, reason(err))
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// ReadFile returns the contents of a file: a name relative to this folder, or an absolute path when the folder is on disk. It
// refuses what is no regular file or larger than MaxFile.
func (d Dir) ReadFile(name string) ([]byte, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", name, reason(err))
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("file %s: %w", name, reason(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("file %s: %w", name, reason(err))
	case len(data) > MaxFile:
		return nil, fmt.Errorf("file %s is larger than %d MiB", name, MaxFile>>20)
	}
	return data, nil
}

// Exists reports whether name, which is understood as by ReadFile, is a regular file.
func (d Dir) Exists(name string) (bool, error) {
	info, err := d.stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("file %s: %w", name, reason(err))
	}
	return info.Mode().IsRegular(), nil
}

// open never opens what could make it wait, such as a pipe.
func (d Dir) open(name string) (fs.File, error) {
	info, err := d.stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if d.builtin != nil {
		return d.builtin.Open(d.inside(name))
	}
	return os.Open(d.onDisk(name))
}

func (d Dir) stat(name string) (fs.FileInfo, error) {
	if d.builtin != nil {
		return fs.Stat(d.builtin, d.inside(name))
	}
	return os.Stat(d.onDisk(name))
}

func (d Dir) onDisk(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(d.Path, name)
}

// inside turns "x" and "builtin/dhcp/x", which is "${path.module}/x", into a path within the file system.
func (d Dir) inside(name string) string {
	if rest, ok := strings.CutPrefix(name, builtinPrefix); ok {
		return path.Clean(rest)
	}
	return path.Join(d.base, name)
}

// reason drops the path from an error of the file system: the message has it already.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
