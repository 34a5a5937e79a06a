package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	cryptossh "golang.org/x/crypto/ssh"
)

// Target is a host and who we are to it.
type Target struct {
	Addr    string // host:port
	User    string
	HostKey HostKey
	Auth    []cryptossh.AuthMethod
	// Once says that one attempt is enough: who only looks does not wait.
	Once bool
}

// handshakeTimeout bounds one attempt: connection and handshake.
const handshakeTimeout = 20 * time.Second

// Pauses between two attempts.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 3 * time.Second
)

// dial connects, and tries again until ctx ends where that may help: the host is not up yet, or its agent is just being
// started. A host that refuses our key, or shows a wrong one, ends it at once.
func dial(ctx context.Context, t Target) (*cryptossh.Client, error) {
	if t.HostKey.check == nil {
		return nil, fmt.Errorf("ssh: connect to %s: there is no host key to check: this is a fault of viver", t.Addr)
	}
	pause := firstPause
	for {
		client, err := dialOnce(ctx, t)
		if err == nil {
			return client, nil
		}
		if t.Once || !mayPass(err) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (gave up: %w)", err, context.Cause(ctx))
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// ErrLogin is wrapped in the error of a host that was the expected one and let us in with none of our keys.
var ErrLogin = errors.New("it accepts none of the keys")

func dialOnce(ctx context.Context, t Target) (*cryptossh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", t.Addr)
	if err != nil {
		return nil, fmt.Errorf("ssh: connect to %s: %w", t.Addr, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	var refused error
	c, channels, requests, err := cryptossh.NewClientConn(conn, t.Addr, &cryptossh.ClientConfig{
		User:              t.User,
		Auth:              t.Auth,
		HostKeyCallback:   t.HostKey.callback(t.Addr, &refused),
		HostKeyAlgorithms: t.HostKey.algorithms,
	})
	inTime := stop()
	switch {
	case refused != nil:
		conn.Close()
		return nil, refused
	case err != nil && strings.Contains(err.Error(), "unable to authenticate"): // the library has no type for it
		conn.Close()
		return nil, fmt.Errorf("ssh: %s does not let %s in: %w (%w)", t.Addr, t.User, ErrLogin, err)
	case err != nil:
		conn.Close()
		return nil, fmt.Errorf("ssh: log in to %s as %s: %w", t.Addr, t.User, err)
	case !inTime:
		c.Close()
		return nil, fmt.Errorf("ssh: log in to %s: %w", t.Addr, context.Cause(ctx))
	}
	return cryptossh.NewClient(c, channels, requests), nil
}

// mayPass tells errors of the network, which pass when a machine comes up, from refusals, which do not.
func mayPass(err error) bool {
	var key *KeyError
	if errors.As(err, &key) {
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, context.DeadlineExceeded)
}
