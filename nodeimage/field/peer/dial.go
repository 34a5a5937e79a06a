package peer

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"viver/nodeimage/field"
)

// silence is for how long a member may say nothing over its control connection, which it should use each second.
const silence = 5 * time.Second

// Dialer reaches members over the network. It implements field.Peers, and is safe for concurrent use.
type Dialer struct {
	// TLS is this machine's identity; nil: connections are in the clear.
	TLS Identity
}

// Dial implements field.Peers. The connections for chunks are made when they are first used, but for that to a seed without control.
func (d *Dialer) Dial(ctx context.Context, m field.Member, hear func(field.Message)) (field.Link, error) {
	l := &link{member: m, tls: d.TLS, lost: make(chan struct{}), clients: make(map[string]*client)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	if m.Control == "" {
		return l, nil
	}
	socket, conn, err := d.control(ctx, m)
	if err != nil {
		l.cancel()
		return nil, fmt.Errorf("peer: connect to %s (%s): %w", m.Name, m.Control, err)
	}
	l.control = socket
	l.tasks.Go(func() { l.fail(listen(conn, hear)) })
	return l, nil
}

// control opens the control connection: its socket, and what runs over it.
func (d *Dialer) control(ctx context.Context, m field.Member) (socket, conn net.Conn, err error) {
	socket, err = new(net.Dialer).DialContext(ctx, "tcp", m.Control)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { socket.Close() })
	conn = socket
	if d.TLS != nil {
		conn = tls.Client(socket, d.TLS.Client(m.Name, protocol))
	}
	id, err := readGreeting(conn)
	switch {
	case !stop():
		err = ctx.Err()
	case err == nil && id != m.ID:
		err = fmt.Errorf("%q answers there now, and not %q", id, m.ID)
	}
	if err != nil {
		socket.Close()
		return nil, nil, err
	}
	return socket, conn, nil
}

// listen passes on what comes over a control connection until it ends.
func listen(conn net.Conn, hear func(field.Message)) error {
	for r := bufio.NewReader(conn); ; {
		if err := conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return err
		}
		m, err := readFrame(r)
		if err != nil {
			return fmt.Errorf("control connection lost: %w", err)
		}
		hear(m)
	}
}
