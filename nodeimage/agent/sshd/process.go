package sshd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// drainTime is how long a session's processes may take to end after SIGHUP, and how long the output of a terminal is read on after
// its shell has ended.
const drainTime = time.Second

// command returns root's login shell, which runs line ("": an interactive shell), in the server's root.
func (se *session) command(line string) *exec.Cmd {
	root := se.server.Root
	shell, home := rootAccount(filepath.Join("/", root, "etc/passwd"))
	cmd := &exec.Cmd{Path: shell, Args: []string{filepath.Base(shell), "-c", line}, Dir: home}
	if line == "" {
		cmd.Args = []string{"-" + filepath.Base(shell)} // a login shell
	}
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + home, "USER=root", "LOGNAME=root", "SHELL=" + shell,
	}
	for name, value := range se.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Chroot: root}
	return cmd
}

// rootAccount returns shell and home of root as a passwd file has them, or what every system has.
func rootAccount(passwd string) (shell, home string) {
	shell, home = "/bin/sh", "/"
	f, err := os.Open(passwd)
	if err != nil {
		return shell, home
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) == 7 && fields[0] == "root" && filepath.IsAbs(fields[5]) && filepath.IsAbs(fields[6]) {
			return fields[6], fields[5]
		}
	}
	return shell, home
}

// runPlain runs cmd with the channel as its input and output. As with any sshd, it lasts until the process has ended and
// nobody holds its output any more.
func (se *session) runPlain(ctx context.Context, cmd *exec.Cmd) error {
	input, err := cmd.StdinPipe() // not cmd.Stdin: Wait would wait for the client to end its input
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	se.parts.Go(func() {
		_, _ = io.Copy(input, se.channel) // ends with the client's input, the channel, or the process
		input.Close()
	})
	release := se.endWith(ctx, cmd, func() { stdout.Close(); stderr.Close() })
	var output sync.WaitGroup
	output.Go(func() { _, _ = io.Copy(se.channel, stdout) })
	output.Go(func() { _, _ = io.Copy(se.channel.Stderr(), stderr) })
	output.Wait()
	err = cmd.Wait()
	release()
	return err
}

// endWith ends cmd and its session when ctx ends, and calls last then. release must be called after cmd has ended.
func (se *session) endWith(ctx context.Context, cmd *exec.Cmd, last func()) (release func()) {
	if se.server.Started != nil {
		se.server.Started(cmd.Process.Pid)
	}
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGHUP)
		select {
		case <-ended:
		case <-time.After(drainTime):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			last()
		}
	})
	return func() { close(ended); watching.Wait() }
}
