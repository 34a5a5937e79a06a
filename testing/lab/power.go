package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// PowerOn starts the machine. It goes on when this process ends; its exit code is kept for Wait.
func (l *Lab) PowerOn(ctx context.Context, machine string) error {
	m, err := l.Machine(machine)
	if err != nil {
		return err
	}
	if m.Running() {
		return nil
	}
	for _, stale := range []string{m.file("exit"), m.file("pid"), m.consoleSocket()} {
		_ = os.Remove(stale)
	}
	// The shell stays as the parent that writes down how QEMU ended.
	const keep = `dir=$1; shift; "$@" 2>"$dir/qemu.log" & echo $! >"$dir/pid"; wait $!; echo $? >"$dir/exit.tmp"; mv "$dir/exit.tmp" "$dir/exit"`
	// A batch process is left alone for longer: of four machines on two cores, each has the caches for itself for a while.
	args := append([]string{"-c", keep, "sh", m.Folder, "chrt", "--batch", "0", "qemu-system-x86_64"}, m.qemuArgs()...)
	cmd := l.Command(context.WithoutCancel(ctx), "sh", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("lab %s: machine %s: %w", l.Name, m.Name, err)
	}
	go func() { _ = cmd.Wait() }() // reaps the shell if this process lives that long
	return m.started(ctx)
}

// started waits until QEMU has opened its console, or has ended.
func (m *Machine) started(ctx context.Context) error {
	for {
		if _, err := os.Stat(m.consoleSocket()); err == nil && m.Running() {
			return nil
		}
		if code, err := m.exitCode(); err == nil {
			said, _ := os.ReadFile(m.file("qemu.log"))
			return fmt.Errorf("machine %s: QEMU ended with code %d: %s", m.Name, code, strings.TrimSpace(string(said)))
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("machine %s: start: %w", m.Name, err)
		}
	}
}

// PowerOff pulls the machine's plug: nothing in it is told.
func (l *Lab) PowerOff(ctx context.Context, machine string) error {
	m, err := l.Machine(machine)
	if err != nil {
		return err
	}
	if pid, err := m.pid(); err == nil && m.Running() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("lab %s: machine %s: %w", l.Name, machine, err)
		}
		_, err = m.Wait(ctx)
		return err
	}
	return nil
}

// Running says whether the machine is on.
func (m *Machine) Running() bool {
	pid, err := m.pid()
	if err != nil {
		return false
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.HasPrefix(string(name), "qemu-system")
}

// Wait waits until the machine is off and returns QEMU's exit code: 0 when the machine powered itself off.
func (m *Machine) Wait(ctx context.Context) (int, error) {
	for {
		code, err := m.exitCode()
		if err == nil {
			return code, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return 0, fmt.Errorf("machine %s: exit code: %w", m.Name, err)
		}
		if err := pause(ctx); err != nil {
			return 0, fmt.Errorf("machine %s is still on: %w", m.Name, err)
		}
	}
}

func (m *Machine) exitCode() (int, error) { return readNumber(m.file("exit")) }
func (m *Machine) pid() (int, error)      { return readNumber(m.file("pid")) }

func (m *Machine) file(name string) string { return filepath.Join(m.Folder, name) }

func readNumber(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}

// killAll ends every process in the namespaces and waits until they are gone.
func (l *Lab) killAll(ctx context.Context) error {
	for signal := syscall.SIGTERM; ; signal = syscall.SIGKILL {
		pids, err := l.pids(ctx)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, signal)
		}
		for range 20 {
			if pids, err = l.pids(ctx); err != nil || len(pids) == 0 {
				return err
			}
			if err := pause(ctx); err != nil {
				return fmt.Errorf("lab %s: %d processes do not end: %w", l.Name, len(pids), err)
			}
		}
	}
}

// pids lists the processes in the lab's namespaces.
func (l *Lab) pids(ctx context.Context) ([]int, error) {
	var pids []int
	for _, ns := range l.namespaces() {
		out, err := exec.CommandContext(ctx, "ip", "netns", "pids", ns).Output()
		if err != nil {
			return nil, fmt.Errorf("lab %s: list processes: %w", l.Name, err)
		}
		for _, field := range strings.Fields(string(out)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids, nil
}

// pause waits a moment between two looks at the outside world.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}
