package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// look is the time between two looks at what an init has done.
	look = 100 * time.Millisecond
	// plainTime is what an init gets that does not say when it is done.
	plainTime = 5 * time.Second
	// systemdTime bounds one question to systemd.
	systemdTime = 15 * time.Second
	// upTime bounds waiting for any init.
	upTime = 5 * time.Minute
)

// distribution is the Init of whatever runs in a root. It knows systemd and OpenRC; others get a few seconds.
type distribution struct{ root string }

// NewInit returns the Init of the distribution in root.
func NewInit(root string) Init { return distribution{root} }

// Started waits until PID 1 is another program than this one: early user space is the same program.
func (d distribution) Started(ctx context.Context) error {
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	return until(ctx, look, func() bool {
		first, err := os.Stat("/proc/1/exe")
		return err == nil && !os.SameFile(self, first)
	})
}

// Up waits until systemd's first jobs are done, whether all went well or not, until OpenRC is in its runlevel, or a few seconds.
func (d distribution) Up(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, upTime)
	defer cancel()
	known := func() bool { return d.isSystemd() || d.isOpenRC() }
	early, stop := context.WithTimeout(ctx, plainTime)
	defer stop()
	if err := until(early, look, known); err != nil {
		return ctx.Err() // plainTime has passed, and is all that there is to wait for
	}
	if d.isSystemd() {
		return d.systemdUp(ctx)
	}
	return until(ctx, look, d.openRCUp)
}

// systemdUp asks systemd, which answers late or not at all in its first moments.
func (d distribution) systemdUp(ctx context.Context) error {
	var answer string
	begin := time.Now()
	err := until(ctx, 5*look, func() bool {
		// Before it has made its socket nobody would answer, and a slow machine has other things to do than to start programs.
		if _, err := os.Stat(filepath.Join(d.root, "run/systemd/private")); err != nil && time.Since(begin) < plainTime {
			return false
		}
		answer = d.askSystemd(ctx)
		switch answer {
		case "running", "degraded", "maintenance", "stopping":
			return true
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("agent: systemd is %q still: %w", answer, err)
	}
	return nil
}

// askSystemd returns what systemctl says of the system's state. It waits no longer than systemdTime, also when the program cannot be
// killed because the disk that it comes from stands still.
func (d distribution) askSystemd(ctx context.Context) string {
	// --wait has been seen to wait on when systemd was up. Its status is not 0 for "degraded", which is up.
	ctx, cancel := context.WithTimeout(ctx, systemdTime)
	answer := make(chan string, 1)
	go func() {
		defer cancel()
		out, _ := inRoot(ctx, d.root, "systemctl", "is-system-running", "--wait").Output()
		answer <- strings.TrimSpace(string(out))
	}()
	select {
	case a := <-answer:
		return a
	case <-ctx.Done():
	}
	select {
	case a := <-answer:
		return a
	case <-time.After(time.Second): // it was killed, and does not end
		return "silent: systemctl does not end"
	}
}

// isSystemd knows systemd by its program too: on a slow machine it takes many seconds to make the folder by which sd_booted(3) finds it,
// and before that to mount its own /proc.
func (d distribution) isSystemd() bool {
	program, _ := os.Readlink("/proc/1/exe")
	return filepath.Base(program) == "systemd" || isSystemd(d.root)
}

func (d distribution) isOpenRC() bool {
	_, err := os.Stat(filepath.Join(d.root, "run/openrc"))
	return err == nil
}

// openRCUp reports whether OpenRC has reached a runlevel that is none of booting, and is not changing it.
func (d distribution) openRCUp() bool {
	level, err := os.ReadFile(filepath.Join(d.root, "run/openrc/softlevel"))
	if err != nil {
		return false
	}
	switch strings.TrimSpace(string(level)) {
	case "", "sysinit", "boot":
		return false
	}
	_, err = os.Stat(filepath.Join(d.root, "run/openrc/rc.starting"))
	return errors.Is(err, os.ErrNotExist)
}

// until asks now and then whether done is true.
func until(ctx context.Context, every time.Duration, done func() bool) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
