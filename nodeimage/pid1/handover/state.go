package handover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"viver/nodeimage/pid1/network"
)

// StatePath is where the disk's process keeps the state, seen from the initramfs' root.
const StatePath = "/viver/run/state.json"

// State is what the disk's process knows of the machine. Init writes the first one; the agent reports it to the servers.
type State struct {
	Lease network.Lease `json:"lease"` // the address
	Root  time.Time     `json:"root"`  // when the root was mounted; zero: not yet
	// Waiting is what the root disk has waited for too long; empty: nothing.
	Waiting string `json:"waiting,omitempty"`
}

// WriteState puts a state in place of the former one, at once.
func WriteState(path string, s State) error { return write(path, s) }

// ReadState reads the state.
func ReadState(path string) (s State, err error) {
	err = read(path, &s)
	return s, err
}

// WatchState calls changed with the state, then with each that takes its place, until ctx ends: then it returns nil. It returns an
// error if it cannot go on.
func WatchState(ctx context.Context, path string, changed func(State)) error {
	var last State
	return watch(ctx, path, func() error {
		s, err := ReadState(path)
		if err == nil && (s.Lease.Address != last.Lease.Address || !s.Root.Equal(last.Root) || s.Waiting != last.Waiting) {
			changed(s)
			last = s
		}
		return err
	})
}

// watch calls look now, and whenever a file in the folder of path was put in place of another, until ctx ends: then it returns nil.
func watch(ctx context.Context, path string, look func() error) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_MOVED_TO); err != nil { // that is how write ends
		return fmt.Errorf("watch %s: %w", path, err)
	}
	defer context.AfterFunc(ctx, func() { events.Close() })()
	for buf := make([]byte, 4096); ; {
		if err := look(); err != nil {
			return err
		}
		if _, err := events.Read(buf); err != nil { // which file it was does not matter: there are few
			if errors.Is(err, os.ErrClosed) && ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("watch %s: %w", path, err)
		}
	}
}
