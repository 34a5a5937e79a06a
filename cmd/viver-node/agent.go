package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"viver/nodeimage/agent"
	"viver/nodeimage/facts"
	"viver/pacs/step"
)

// runServer is the word "agent": the agent of a machine that starts by itself, until SIGTERM or an operator ends it. It logs to its
// standard error.
func runServer(args []string) error {
	dir, err := parseAgent(args)
	if err != nil {
		return err
	}
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	found := facts.Collect(os.DirFS("/"))
	log.Info("the agent starts", "version", version(), "dir", dir, "pid", os.Getpid())
	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	others.Go(func() { boundLog(ctx, dir, log) })
	err = agent.RunServer(ctx, agent.ServerConfig{
		Dir: dir, Version: version(), Log: log, Facts: &found, Steps: &step.Runner{Command: serverShell},
	})
	log.Info("the agent ends", "error", err)
	return err
}

// parseAgent returns the data folder, absolute.
func parseAgent(args []string) (string, error) {
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it all
	dir := flags.String("dir", "", "")
	err := flags.Parse(args)
	if err == nil && (*dir == "" || flags.NArg() > 0) {
		err = errors.New("want a data folder and nothing else")
	}
	if err != nil {
		return "", fmt.Errorf("agent --dir DIR: %w", err)
	}
	return filepath.Abs(*dir)
}

// lock makes this process the one agent of a data folder, and writes its ID into agent.pid. The lock ends with the process.
func lock(dir string) (unlock func(), err error) {
	name := filepath.Join(dir, "agent.pid")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		return nil, fmt.Errorf("agent: another agent serves %s: %s; end that one first", dir, owner(f))
	}
	// In place, not by a new file: the lock is on this one.
	err = f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("agent: %w", err), f.Close())
	}
	return func() { f.Truncate(0); f.Close() }, nil
}

// owner says which process a lock file names.
func owner(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || convErr != nil {
		return "a process that has not said its ID yet"
	}
	return fmt.Sprintf("process %d", pid)
}

// serverShell makes the shell that steps on a server run in.
func serverShell(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-s")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}
	return cmd
}
