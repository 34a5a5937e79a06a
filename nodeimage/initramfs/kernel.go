package initramfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"viver/nodeimage/depmod"
)

// Kernel returns the entries that the kernel with this release (uname -r) needs from a root tree: the modules of Choose, unpacked,
// below lib/modules/RELEASE; the modules.dep, .alias, .softdep and .builtin that speak of them; and the firmware files that they
// name, as far as the tree has them. A tree without modules for the release is an error which wraps fs.ErrNotExist.
func Kernel(tree fs.FS, release string) ([]Entry, error) {
	if !fs.ValidPath(release) || strings.Contains(release, "/") || release == "." {
		return nil, fmt.Errorf("initramfs: %q is no kernel release: want what uname -r prints", release)
	}
	dir := path.Join("lib/modules", release)
	folder, err := fs.Sub(tree, dir)
	if err != nil {
		return nil, fmt.Errorf("initramfs: kernel modules: %w", err)
	}
	m, err := ReadModules(folder)
	if err != nil {
		return nil, err
	}
	files, err := m.Choose()
	if err != nil {
		return nil, err
	}
	entries := m.indexes(dir, files)
	firmware := make(map[string]bool)
	for _, f := range files {
		data, err := readPlain(folder, f)
		if err != nil {
			return nil, fmt.Errorf("initramfs: kernel module: %w", err)
		}
		entries = append(entries, Entry{Name: path.Join(dir, plainName(f)), Mode: 0o644, Data: data})
		for _, name := range firmwareOf(data) {
			firmware[name] = true
		}
	}
	blobs, err := firmwareEntries(tree, firmware)
	return append(entries, blobs...), err
}

// indexes returns the files by which modules are found, cut down to the given ones.
func (m *Modules) indexes(dir string, files []string) []Entry {
	x := depmod.Index{Deps: make(map[string][]string), Builtin: m.index.Builtin}
	chosen := make(map[string]bool)
	for _, f := range files {
		chosen[depmod.Name(f)] = true
		needs := []string{}
		for _, d := range m.index.Deps[f] {
			needs = append(needs, plainName(d))
		}
		x.Deps[plainName(f)] = needs
	}
	for _, a := range m.index.Aliases {
		if chosen[a.Module] {
			x.Aliases = append(x.Aliases, a)
		}
	}
	for _, s := range m.index.Soft {
		if chosen[s.Module] {
			x.Soft = append(x.Soft, s)
		}
	}
	var entries []Entry
	for name, data := range x.Encode() {
		entries = append(entries, Entry{Name: path.Join(dir, name), Mode: 0o644, Data: data})
	}
	slices.SortFunc(entries, byName)
	return entries
}

// firmwareOf returns the files that a module asks for: its .modinfo section has strings "firmware=NAME", each ended by NUL. A
// string that only looks so names no file of the tree, and does no harm.
func firmwareOf(module []byte) []string {
	var names []string
	for {
		_, after, ok := bytes.Cut(module, []byte("firmware="))
		if !ok {
			return names
		}
		module = after
		if end := bytes.IndexByte(after, 0); end > 0 && fs.ValidPath(string(after[:end])) {
			names = append(names, string(after[:end]))
		}
	}
}

// firmwareEntries returns those of the files that the tree has, unpacked: the kernel looks for the plain name first.
func firmwareEntries(tree fs.FS, names map[string]bool) ([]Entry, error) {
	var entries []Entry
	for name := range names {
		file := path.Join("lib/firmware", name)
		for _, suffix := range []string{"", ".xz", ".zst"} {
			data, err := readPlain(tree, file+suffix)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("initramfs: firmware: %w", err)
			}
			entries = append(entries, Entry{Name: file, Mode: 0o644, Data: data})
			break
		}
	}
	slices.SortFunc(entries, byName)
	return entries, nil
}

func byName(a, b Entry) int { return strings.Compare(a.Name, b.Name) }
