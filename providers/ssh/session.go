package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"

	cryptossh "golang.org/x/crypto/ssh"
)

// Terminal is where a session's streams go.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	// Type is the terminal's type ($TERM); empty: the session gets no terminal. Then Out and Err are the same, and
	// Columns and Rows its size.
	Type          string
	Columns, Rows int
	// Resized delivers new sizes, columns and rows; nil: it keeps its size.
	Resized <-chan [2]int
}

// Session runs a command at the other end, or a login shell where command is empty, until it ends. The error is an *ExitError
// if it ended with another status than 0.
func (c *Client) Session(ctx context.Context, command string, t Terminal) error {
	session, err := c.conn.NewSession()
	if err != nil {
		return fmt.Errorf("open a session on %s: %w", c.addr, err)
	}
	defer session.Close()
	stop := context.AfterFunc(ctx, func() { session.Close() })
	defer stop()
	session.Stdin, session.Stdout, session.Stderr = t.In, t.Out, t.Err
	if t.Type != "" {
		if err := session.RequestPty(t.Type, t.Rows, t.Columns, cryptossh.TerminalModes{}); err != nil {
			return fmt.Errorf("ask %s for a terminal: %w", c.addr, err)
		}
		done := make(chan struct{})
		defer close(done)
		go follow(session, t.Resized, done)
	}
	if command == "" {
		err = session.Shell()
	} else {
		err = session.Start(command)
	}
	if err == nil {
		err = session.Wait()
	}
	var exit *cryptossh.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("session on %s: %w", c.addr, context.Cause(ctx))
	case errors.As(err, &exit):
		return &ExitError{Status: exit.ExitStatus()}
	case err != nil:
		return fmt.Errorf("session on %s: %w", c.addr, err)
	}
	return nil
}

// follow passes new sizes on until done.
func follow(session *cryptossh.Session, resized <-chan [2]int, done <-chan struct{}) {
	for {
		select {
		case size := <-resized:
			_ = session.WindowChange(size[1], size[0])
		case <-done:
			return
		}
	}
}
