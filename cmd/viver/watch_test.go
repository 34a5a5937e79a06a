package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// watchFolder returns a file that can be read whenever something in a folder has changed.
func watchFolder(dir string) (*os.File, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MODIFY|unix.IN_DELETE|unix.IN_MOVED_TO|unix.IN_MOVED_FROM); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	return os.NewFile(uintptr(fd), filepath.Join(dir, "*")), nil
}

// untilFiles waits until it is so, looking each time that something in a folder has changed; it ends early, with an error, when ctx ends.
func untilFiles(ctx context.Context, dir string, so func() bool) error {
	changes, err := watchFolder(dir)
	if err != nil {
		return err
	}
	defer changes.Close()
	defer context.AfterFunc(ctx, func() { _ = changes.SetReadDeadline(time.Now()) })()
	for events := make([]byte, 64<<10); !so(); {
		if _, err := changes.Read(events); err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
	}
	return nil
}
