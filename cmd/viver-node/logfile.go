package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// logName is the file in a server's data folder which is the agent's standard error where no systemd keeps it.
	logName = "agent.log"
	// maxLog is how long it may become before it is set aside, in bytes; one former file is kept. Strangers can make the agent log.
	maxLog = 10 << 20
	// lookAtLog is how often its size is looked at.
	lookAtLog = 10 * time.Second
)

// boundLog keeps the agent's log file from growing without end, until ctx ends. It does nothing if standard error is another file.
func boundLog(ctx context.Context, dir string, log *slog.Logger) {
	name := filepath.Join(dir, logName)
	if !isLog(name, os.Stderr) {
		return
	}
	tick := time.NewTicker(lookAtLog)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := setAside(name, os.Stderr, maxLog); err != nil {
				log.Error("the log grows", "error", err)
			}
		}
	}
}

func isLog(name string, f *os.File) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(name)
	return err == nil && os.SameFile(open, named)
}

// setAside renames a log of more than limit bytes, in place of the one that was set aside before, and makes f a new one under its name.
func setAside(name string, f *os.File, limit int64) error {
	info, err := f.Stat()
	if err != nil || info.Size() <= limit {
		return err
	}
	fresh, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, info.Mode().Perm())
	if err != nil {
		return fmt.Errorf("set %s aside: %w", name, err)
	}
	defer fresh.Close()
	if err := os.Rename(name, name+".1"); err != nil {
		return fmt.Errorf("set %s aside: %w", name, err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("set %s aside: %w", name, err)
	}
	// Whoever writes to f, in any goroutine, writes to the new file from here on.
	return os.NewSyscallError("dup3", unix.Dup3(int(fresh.Fd()), int(f.Fd()), 0))
}
