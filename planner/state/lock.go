package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lock is the right to change a folder. It goes with the process, however that ends.
type lock struct{ file *flock.Flock }

func acquire(dir, command string) (*lock, error) {
	path := filepath.Join(dir, lockFile)
	file := flock.New(path, flock.SetPermissions(0o600))
	got, err := file.TryLock()
	if err != nil {
		return nil, explain(err, "lock", dir)
	}
	if !got {
		return nil, locked(dir)
	}
	if err := os.WriteFile(path, Self(command).Text(), 0o600); err != nil {
		return nil, explain(errors.Join(err, file.Close()), "lock", dir)
	}
	return &lock{file}, nil
}

// locked says who has the lock of a folder.
func locked(dir string) *LockedError {
	e := &LockedError{Place: dir}
	if text, err := os.ReadFile(filepath.Join(dir, lockFile)); err == nil {
		e.Holder = ParseHolder(text)
	}
	if h := e.Holder; h.PID != 0 {
		e.Advice = fmt.Sprintf(", or end it with `kill -INT %d`", h.PID)
		if !h.here() {
			e.Advice += " on " + h.Host
		}
	}
	return e
}

// held returns who has the lock of a folder now; nil: nobody.
func held(dir string) (*Holder, error) {
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	file := flock.New(path, flock.SetPermissions(0o600))
	got, err := file.TryRLock()
	if err != nil {
		return nil, explain(err, "look at the lock of", dir)
	}
	if got {
		return nil, file.Close()
	}
	return &locked(dir).Holder, nil
}

// release empties the file first, so that nobody reads a name that is no longer true.
func (l *lock) release() error {
	return errors.Join(os.Truncate(l.file.Path(), 0), l.file.Close())
}
