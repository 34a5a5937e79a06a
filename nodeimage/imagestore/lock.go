package imagestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// draftPrefix starts the names of folders that are not, or no longer, images.
const draftPrefix = ".draft-"

// newDraft makes an empty unfinished folder. It belongs to this process until the returned file is closed.
func (s *Store) newDraft() (string, *os.File, error) {
	guard, err := s.guard()
	if err != nil {
		return "", nil, err
	}
	defer guard.Close()
	path, err := os.MkdirTemp(s.dir, draftPrefix)
	if err != nil {
		return "", nil, err
	}
	lock, err := lockFile(path, os.O_RDONLY, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = os.Chmod(path, 0o755)
	}
	if err != nil {
		os.Remove(path)
		return "", nil, err
	}
	return path, lock, nil
}

// sweep removes unfinished folders that no living process has locked.
func (s *Store) sweep() error {
	guard, err := s.guard()
	if err != nil {
		return err
	}
	defer guard.Close()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var all error
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), draftPrefix) || !e.IsDir() {
			continue
		}
		path := filepath.Join(s.dir, e.Name())
		lock, err := lockFile(path, os.O_RDONLY, unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.RemoveAll(path)
			lock.Close()
		}
		all = errors.Join(all, err)
	}
	return all
}

// guard holds off others between the making of a folder and its locking. Closing the file ends it.
func (s *Store) guard() (*os.File, error) {
	return lockFile(filepath.Join(s.dir, ".lock"), os.O_RDONLY|os.O_CREATE, unix.LOCK_EX)
}

// lockFile opens a file or folder and takes a lock on it (flock(2)), which lasts until the file is closed or the process ends.
func lockFile(path string, flag, how int) (*os.File, error) {
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
