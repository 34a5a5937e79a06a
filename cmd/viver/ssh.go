package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"viver/nodeimage/spec"
	"viver/providers/ssh"
)

func (a *app) sshCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ssh NODE [COMMAND...]",
		Short: "Open a shell on a node, or run a command there",
		Long: `ssh connects to the agent of a node, by its name or its MAC address, as root. The node's key is checked against the one that was pinned when
it joined; nothing has to be set up, in the image or here. With a command the exit code is that command's.`,
		Example: `  viver ssh pc01
  viver ssh pc01 systemctl --failed`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := a.fleet()
			ctx, cancel := context.WithTimeout(cmd.Context(), 20*time.Second)
			defer cancel()
			machines, err := a.machines(ctx, f)
			m, found := find(machines, args[0])
			switch {
			case !found && err != nil:
				return err
			case !found:
				return fmt.Errorf("ssh: no server knows a node %s: viver nodes lists them", args[0])
			}
			terminal, restore, err := a.terminal(len(args) == 1)
			if err != nil {
				return err
			}
			defer restore()
			return f.Session(cmd.Context(), m, strings.Join(args[1:], " "), terminal)
		},
	}
}

func find(machines []spec.Machine, name string) (spec.Machine, bool) {
	for _, m := range machines {
		if m.Node == name || m.MAC == name {
			return m, true
		}
	}
	return spec.Machine{}, false
}

// terminal connects the session to this process's streams; for a shell on a terminal, each key goes there as it is typed.
func (a *app) terminal(shell bool) (ssh.Terminal, func(), error) {
	t := ssh.Terminal{In: os.Stdin, Out: a.out, Err: a.errors}
	in := int(os.Stdin.Fd())
	if !shell || !term.IsTerminal(in) {
		return t, func() {}, nil
	}
	before, err := term.MakeRaw(in)
	if err != nil {
		return t, nil, fmt.Errorf("ssh: this terminal: %w", err)
	}
	if t.Columns, t.Rows, err = term.GetSize(in); err != nil {
		t.Columns, t.Rows = 80, 24
	}
	t.Type = os.Getenv("TERM")
	resized := make(chan [2]int, 1)
	t.Resized = resized
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGWINCH)
	go func() {
		for range changes {
			if columns, rows, err := term.GetSize(in); err == nil {
				resized <- [2]int{columns, rows}
			}
		}
	}()
	return t, func() {
		signal.Stop(changes)
		close(changes)
		_ = term.Restore(in, before)
	}, nil
}
