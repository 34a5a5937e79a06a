package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// Console connects a terminal to the machine's serial console until in ends, escape (0x1d, Ctrl-]) is typed, the machine ends or ctx is done.
func (l *Lab) Console(ctx context.Context, machine string, in io.Reader, out io.Writer) error {
	m, err := l.Machine(machine)
	if err != nil {
		return err
	}
	if !m.Running() {
		return fmt.Errorf("lab %s: machine %s is off; its last words are in %s", l.Name, machine, m.SerialLog())
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", m.consoleSocket())
	if err != nil {
		return fmt.Errorf("lab %s: console of %s: %w", l.Name, machine, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	done := make(chan error, 2)
	go func() { _, err := io.Copy(out, conn); done <- err }()
	go func() { done <- typeInto(conn, in) }()
	if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) && ctx.Err() == nil {
		return fmt.Errorf("lab %s: console of %s: %w", l.Name, machine, err)
	}
	return nil
}

// escape is the key that leaves a console: Ctrl-], as in telnet.
const escape = 0x1d

func typeInto(conn io.Writer, in io.Reader) error {
	buf := make([]byte, 256)
	for {
		n, err := in.Read(buf)
		for i, c := range buf[:n] {
			if c == escape {
				_, err := conn.Write(buf[:i])
				return err
			}
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return err
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}
