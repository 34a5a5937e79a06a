package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// LockedError says that another process is changing the state.
type LockedError struct {
	Dir     string
	PID     int    // 0: not known
	Command string // "viver apply"
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("state: %s is locked by another process: try again when it has ended", e.Dir)
	}
	return fmt.Sprintf("state: %s is locked by process %d (%s): try again when it has ended, or end it with `kill -INT %d`",
		e.Dir, e.PID, e.Command, e.PID)
}

// lock is the right to change the state. It goes with the process, however that ends.
type lock struct{ file *flock.Flock }

func acquire(dir, command string) (*lock, error) {
	path := filepath.Join(dir, lockFile)
	file := flock.New(path, flock.SetPermissions(0o600))
	got, err := file.TryLock()
	if err != nil {
		return nil, explain(err, "lock", dir)
	}
	if !got {
		return nil, holder(dir, path)
	}
	text := fmt.Sprintf("%d %s\n", os.Getpid(), command)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, explain(errors.Join(err, file.Close()), "lock", dir)
	}
	return &lock{file}, nil
}

func holder(dir, path string) error {
	e := &LockedError{Dir: dir}
	if text, err := os.ReadFile(path); err == nil {
		pid, command, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		e.PID, _ = strconv.Atoi(pid)
		e.Command = command
	}
	return e
}

// release empties the file first, so that nobody reads a name that is no longer true.
func (l *lock) release() error {
	return errors.Join(os.Truncate(l.file.Path(), 0), l.file.Close())
}
