package sshd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// session is one channel of the type "session" (RFC 4254 section 6).
type session struct {
	server   *Server
	channel  ssh.Channel
	terminal *os.File          // the master's end; nil: none was asked for
	peer     *os.File          // the end of the session's process; nil once it has it
	env      map[string]string // TERM and the language, as far as they were sent
	parts    sync.WaitGroup    // goroutines that end with the channel
}

// session serves one channel: requests prepare it until one of them starts something.
func (s *Server) session(ctx context.Context, c ssh.NewChannel) {
	channel, requests, err := c.Accept()
	if err != nil {
		return // the connection is gone
	}
	ctx, cancel := context.WithCancel(ctx)
	se := &session{server: s, channel: channel, env: map[string]string{}}
	defer se.parts.Wait()
	defer se.closeTerminal()
	defer channel.Close()
	defer cancel()
	run := se.prepare(requests)
	if run == nil {
		return
	}
	se.parts.Go(func() {
		for r := range requests { // ends with the channel
			se.during(r)
		}
		cancel()
	})
	status := run(ctx)
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
}

// prepare answers requests until one says what to start, and returns that; nil when the client went away before.
func (se *session) prepare(requests <-chan *ssh.Request) func(ctx context.Context) (status uint32) {
	for r := range requests {
		switch r.Type {
		case "pty-req":
			answer(r, se.openTerminal(r.Payload))
		case "env":
			answer(r, se.setEnv(r.Payload))
		case "window-change":
			se.during(r)
		case "shell":
			answer(r, nil)
			return func(ctx context.Context) uint32 { return se.run(ctx, "") }
		case "exec":
			var args struct{ Command string }
			err := ssh.Unmarshal(r.Payload, &args)
			answer(r, err)
			if err == nil {
				return func(ctx context.Context) uint32 { return se.run(ctx, args.Command) }
			}
		case "subsystem":
			var args struct{ Name string }
			err := ssh.Unmarshal(r.Payload, &args)
			serve := se.server.Subsystems[args.Name]
			if err == nil && serve == nil {
				err = fmt.Errorf("there is no subsystem %q", args.Name)
			}
			answer(r, err)
			if err == nil {
				return func(ctx context.Context) uint32 { return se.subsystem(ctx, args.Name, serve) }
			}
		default:
			answer(r, fmt.Errorf("%q is not served", r.Type))
		}
	}
	return nil
}

// during answers requests that come while something runs.
func (se *session) during(r *ssh.Request) {
	var size struct{ Columns, Rows, Width, Height uint32 }
	err := fmt.Errorf("%q is not served", r.Type)
	if r.Type == "window-change" && se.terminal != nil {
		if err = ssh.Unmarshal(r.Payload, &size); err == nil {
			err = resize(se.terminal, size.Columns, size.Rows)
		}
	}
	answer(r, err)
}

func answer(r *ssh.Request, err error) {
	if r.WantReply {
		_ = r.Reply(err == nil, nil) // fails with the connection
	}
}

// setEnv takes the few variables that a session may bring along.
func (se *session) setEnv(payload []byte) error {
	var v struct{ Name, Value string }
	if err := ssh.Unmarshal(payload, &v); err != nil {
		return err
	}
	if v.Name != "LANG" && v.Name != "LC_ALL" && v.Name != "TERM" {
		return fmt.Errorf("the variable %s is not taken", v.Name)
	}
	se.env[v.Name] = v.Value
	return nil
}

func (se *session) subsystem(ctx context.Context, name string, serve Subsystem) uint32 {
	if err := serve(ctx, se.channel); err != nil {
		se.server.Log.Info("a subsystem's channel ended early", "subsystem", name, "error", err)
		return 1
	}
	return 0
}

// run runs a command, or a shell for "", and returns its exit status.
func (se *session) run(ctx context.Context, command string) uint32 {
	cmd := se.command(command)
	var err error
	if se.terminal != nil {
		err = se.runInTerminal(ctx, cmd)
	} else {
		err = se.runPlain(ctx, cmd)
	}
	return se.status(err)
}

// status turns the end of a process into an exit status as a shell has it.
func (se *session) status(err error) uint32 {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		_, _ = fmt.Fprintf(se.channel.Stderr(), "viver-node: %v\r\n", err)
		return 127
	}
	if w, ok := exit.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + uint32(w.Signal())
	}
	return uint32(max(exit.ExitCode(), 1))
}
