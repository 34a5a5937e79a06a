package supervise

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"viver/nodeimage/spec"
)

const (
	// drainTime is how long the pipes of a process that has ended are read on, should a child of it hold them open.
	drainTime = time.Second
	// maxEvent bounds a line of events, in bytes.
	maxEvent = 64 << 10
	// blocks is the type of the units that serve blocks.
	blocks = "nbd"
)

// once runs the unit's process to its end. The error says why it ended.
func (u *unit) once(ctx context.Context) error {
	cmd, events, err := u.prepare()
	if err != nil {
		return err
	}
	defer events.Close()
	errorLines := &lineWriter{name: u.spec.Name, to: u.config.Output}
	cmd.Stderr = errorLines
	err = cmd.Start()
	cmd.ExtraFiles[0].Close() // the child has its own
	if err != nil {
		return fmt.Errorf("supervise: start unit %s: %w", u.spec.Name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read := make(chan error, 1)
	go func() {
		err := u.follow(events)
		if err != nil {
			cancel()
		}
		read <- err
	}()
	err = await(ctx, cmd, u.config.StopGrace)
	_ = events.SetReadDeadline(time.Now().Add(drainTime)) // a pipe: it can
	followed := <-read
	errorLines.flush()
	switch {
	case followed != nil:
		return fmt.Errorf("unit %s: its events: %w", u.spec.Name, followed)
	case errorLines.last != "":
		return errors.New(errorLines.last)
	case err != nil:
		return fmt.Errorf("unit %s: %w", u.spec.Name, err)
	}
	return fmt.Errorf("unit %s ended without a word", u.spec.Name)
}

// prepare returns the unit's process, not yet started, and the reading end of its events.
func (u *unit) prepare() (*exec.Cmd, *os.File, error) {
	start := u.config.World
	start.Unit, start.StateDir = u.spec, u.stateDir()
	if u.spec.Type != blocks {
		start.Passport, start.Key = nil, "" // others have no need to pass for the machine
	}
	input, err := json.Marshal(start)
	if err != nil {
		return nil, nil, fmt.Errorf("supervise: unit %s: its configuration: %w", u.spec.Name, err)
	}
	if err := os.MkdirAll(start.StateDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("supervise: unit %s: %w", u.spec.Name, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("supervise: unit %s: %w", u.spec.Name, err)
	}
	cmd := u.config.Command()
	cmd.Stdin = bytes.NewReader(input)
	cmd.ExtraFiles = []*os.File{w} // becomes file descriptor 3
	cmd.WaitDelay = drainTime
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd, r, nil
}

// await waits for the end of cmd; when ctx ends it sees to it that there is one.
func await(ctx context.Context, cmd *exec.Cmd, grace time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	_ = cmd.Process.Signal(syscall.SIGTERM) // may have ended meanwhile
	select {
	case err := <-ended:
		return err
	case <-time.After(grace):
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its whole group
		return <-ended
	}
}

// follow acts on the unit's events until its end of the pipe is closed.
func (u *unit) follow(events io.Reader) error {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		var e spec.UnitEvent
		if err := spec.Decode(lines.Bytes(), &e); err != nil {
			u.config.Log.Warn("a unit sent an event that cannot be read", "unit", u.spec.Name, "error", err)
			continue
		}
		if e.Ready != nil {
			u.set(spec.UnitReady, e.Ready.Detail, e.Ready.Services)
		}
		if e.Machine != nil {
			u.config.Machine(*e.Machine)
		}
	}
	if err := lines.Err(); !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil // a child of the unit holds the pipe open
}
