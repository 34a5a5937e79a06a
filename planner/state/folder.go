package state

import (
	"errors"
	"fmt"
)

// folder is a Disk that is a folder of this machine.
type folder struct {
	path   string
	system system
	lock   *lock // nil: it is only read
}

func newFolder(path string) *folder { return &folder{path: path, system: kernel(path)} }

func (f *folder) Place() string                    { return f.path }
func (f *folder) Names() ([]string, error)         { return f.system.names() }
func (f *folder) Read(name string) ([]byte, error) { return f.system.read(name) }

// temporary ends the names of files that are being written.
const temporary = ".tmp"

func (f *folder) Replace(name string, data []byte) error {
	w, err := f.system.create(name + temporary)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err == nil {
		err = f.system.rename(name+temporary, name)
	}
	if err != nil {
		return errors.Join(err, f.system.remove(name+temporary))
	}
	return f.system.sync()
}

func (f *folder) Extend(name string, at int64, data []byte) error {
	w, err := f.system.extend(name)
	if err != nil {
		return err
	}
	length, err := w.length()
	if err == nil && length != at {
		err = fmt.Errorf("%s has %d bytes where %d were written: something else writes there", name, length, at)
	}
	if err != nil {
		return errors.Join(err, w.Close())
	}
	if _, err = w.Write(data); err == nil {
		err = w.Sync()
	}
	if err != nil {
		err = errors.Join(err, w.Truncate(at))
	}
	return errors.Join(err, w.Close())
}

func (f *folder) Remove(name string) error { return f.system.remove(name) }

func (f *folder) Close() error {
	if f.lock == nil {
		return nil
	}
	return f.lock.release()
}
