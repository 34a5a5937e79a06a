// Package imagestore keeps images in a folder, by ID: DIR/<hex>/{manifest.json, root.squashfs, vmlinuz, initrd}.
//
// It owns that layout and its promise: an image that can be seen is complete, was verified byte by byte against its manifest
// and is on the disk; it never changes, and goes as a whole. It neither makes images (package build) nor serves them (package nbd).
//
// Several processes may use one store at once. What is not finished stands in folders whose names start with a dot,
// each locked by the process that fills it.
package imagestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"viver/nodeimage/spec"
)

// The files of an image. Kernel and Initrd are also their names in spec.Manifest.Files.
const (
	FileManifest = "manifest.json"
	FileRoot     = "root.squashfs"
	FileKernel   = "vmlinuz"
	FileInitrd   = "initrd"
)

// Store is a folder of images. It is safe for concurrent use.
type Store struct {
	dir string
}

// Open returns the store in dir, which is created when it is missing. It removes what processes that have died left unfinished.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("imagestore: open: %w", err)
	}
	s := &Store{dir: dir}
	if err := s.sweep(); err != nil {
		return nil, fmt.Errorf("imagestore: open %s: remove what was left unfinished: %w", dir, err)
	}
	return s, nil
}

// Dir returns the folder of the store.
func (s *Store) Dir() string { return s.dir }

// Path returns where a file of an image is; name is one of the File constants. The error wraps fs.ErrNotExist when the store
// does not have the image.
func (s *Store) Path(id spec.Digest, name string) (string, error) {
	switch name {
	case FileManifest, FileRoot, FileKernel, FileInitrd:
	default:
		return "", fmt.Errorf("imagestore: an image has no file %q", name)
	}
	folder, err := s.folder(id)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err != nil {
		return "", s.explain(id, err)
	}
	return path, nil
}

// Manifest returns the manifest of an image, verified against the ID. The error wraps fs.ErrNotExist when the store does not
// have the image.
func (s *Store) Manifest(id spec.Digest) (*spec.Manifest, error) {
	folder, err := s.folder(id)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(folder, FileManifest))
	if err != nil {
		return nil, s.explain(id, err)
	}
	m, err := spec.DecodeManifest(data, id)
	if err != nil {
		return nil, fmt.Errorf("imagestore: image %s in %s is damaged (remove it and copy it again): %w", id, s.dir, err)
	}
	return m, nil
}

// Info is what a store knows of an image.
type Info struct {
	Bytes int64     // of all its files
	Added time.Time // when it was put there
}

// Stat returns what is known of an image. The error wraps fs.ErrNotExist when the store does not have it.
func (s *Store) Stat(id spec.Digest) (Info, error) {
	var i Info
	for _, name := range []string{FileManifest, FileRoot, FileKernel, FileInitrd} {
		path, err := s.Path(id, name)
		if err != nil {
			return Info{}, err
		}
		file, err := os.Stat(path)
		if err != nil {
			return Info{}, s.explain(id, err)
		}
		i.Bytes += file.Size()
		if name == FileManifest {
			i.Added = file.ModTime()
		}
	}
	return i, nil
}

// List returns the IDs of all images, sorted.
func (s *Store) List() ([]spec.Digest, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("imagestore: list: %w", err)
	}
	var ids []spec.Digest
	for _, e := range entries {
		id := spec.Digest("sha256:" + e.Name())
		if _, err := id.Hex(); err == nil && e.IsDir() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Remove deletes an image. Whoever has its files open can read on. The error wraps fs.ErrNotExist when the store does not have it.
func (s *Store) Remove(id spec.Digest) error {
	folder, err := s.folder(id)
	if err != nil {
		return err
	}
	grave, lock, err := s.newDraft()
	if err != nil {
		return fmt.Errorf("imagestore: remove image %s: %w", id, err)
	}
	defer lock.Close()
	defer os.RemoveAll(grave)
	if err := os.Rename(folder, filepath.Join(grave, "image")); err != nil {
		return s.explain(id, err)
	}
	if err := errors.Join(syncDir(s.dir), os.RemoveAll(grave)); err != nil {
		return fmt.Errorf("imagestore: remove image %s: %w", id, err)
	}
	return nil
}

func (s *Store) folder(id spec.Digest) (string, error) {
	name, err := id.Hex()
	if err != nil {
		return "", fmt.Errorf("imagestore: %w", err)
	}
	return filepath.Join(s.dir, name), nil
}

// explain says in the words of the store what err, of a file operation on an image, means.
func (s *Store) explain(id spec.Digest, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("imagestore: image %s: %w", id, err)
	}
	have, _ := s.List()
	return fmt.Errorf("imagestore: %s does not have image %s (it has %s): %w", s.dir, id, names(have), fs.ErrNotExist)
}

func names(ids []spec.Digest) string {
	if len(ids) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(id[:len("sha256:")+12]))
	}
	return b.String()
}
