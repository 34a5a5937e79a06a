package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// system is the calls by which a folder is changed, one by one and nothing more: the tests have one whose machine dies at each of them.
type system interface {
	names() ([]string, error)
	read(name string) ([]byte, error) // nil: there is none
	create(name string) (file, error) // empty, also if there was one
	extend(name string) (file, error) // at the end of one that is there
	rename(from, to string) error
	remove(name string) error
	sync() error // makes what create, rename and remove did last
}

// file is one that is being written.
type file interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Close() error
	length() (int64, error)
}

// kernel is the system that a machine has, in one folder.
type kernel string

func (k kernel) path(name string) string { return filepath.Join(string(k), name) }

func (k kernel) names() ([]string, error) {
	entries, err := os.ReadDir(string(k))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (k kernel) read(name string) ([]byte, error) {
	f, err := os.Open(k.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(data) > MaxFile {
		err = fmt.Errorf("%s has more than the %d bytes that are read", k.path(name), MaxFile)
	}
	return data, err
}

func (k kernel) open(name string, flags int) (file, error) {
	f, err := os.OpenFile(k.path(name), flags, 0o600)
	if err != nil {
		return nil, err
	}
	return kernelFile{f}, nil
}

func (k kernel) create(name string) (file, error) {
	return k.open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
}
func (k kernel) extend(name string) (file, error) { return k.open(name, os.O_WRONLY|os.O_APPEND) }
func (k kernel) rename(from, to string) error     { return os.Rename(k.path(from), k.path(to)) }

func (k kernel) remove(name string) error {
	if err := os.Remove(k.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (k kernel) sync() error {
	d, err := os.Open(string(k))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type kernelFile struct{ *os.File }

func (f kernelFile) length() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
