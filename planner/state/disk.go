package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// The files of the folder.
const (
	snapshotFile = "state.json"
	backupFile   = "state.json.backup"
	journalFile  = "journal"
	keyFile      = "key"
	lockFile     = "lock"
)

// maxFile bounds what is read into memory, in bytes.
const maxFile = 1 << 30

// disk is the folder as the store needs it. The tests have one that dies in the middle.
type disk interface {
	// read returns a file's content, or nil when there is no such file.
	read(name string) ([]byte, error)
	// replace writes a file so that a crash leaves the old content or the new one, and the new one once it returns.
	replace(name string, data []byte) error
	// extend adds to the end of a file. Once it returns nil the data is on the disk; with an error nothing was added, unless the
	// machine died.
	extend(name string, data []byte) error
}

// folder is the real disk.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

func (f folder) read(name string) ([]byte, error) {
	info, err := os.Stat(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that are read", f.path(name), info.Size(), maxFile)
	}
	return os.ReadFile(f.path(name))
}

func (f folder) replace(name string, data []byte) error {
	if err := renameio.WriteFile(f.path(name), data, 0o600, renameio.WithTempDir(string(f))); err != nil {
		return err
	}
	return f.sync()
}

// sync makes a rename durable.
func (f folder) sync() error {
	d, err := os.Open(string(f))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f folder) extend(name string, data []byte) error {
	file, err := os.OpenFile(f.path(name), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		err = errors.Join(err, file.Truncate(info.Size()))
	}
	return errors.Join(err, file.Close())
}
