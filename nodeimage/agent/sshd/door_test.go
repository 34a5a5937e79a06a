package sshd_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// stand opens a connection from an address of the loopback, and says nothing on it.
func stand(t *testing.T, addr, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	// The server says its version first: then it has taken the connection.
	if _, err := io.ReadFull(c, make([]byte, len("SSH-2.0-viver"))); err != nil {
		t.Fatal(err)
	}
	return c
}

// closed waits until the server has closed a connection.
func closed(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection from %s is open still", c.LocalAddr())
	}
}

func TestStrangersDoNotLockOperatorsOut(t *testing.T) {
	addr, authority := serve(t, nil)
	var oldest net.Conn
	for i := range 130 {
		c := stand(t, addr, fmt.Sprintf("127.0.0.%d", 2+i%65))
		if oldest == nil {
			oldest = c
		}
	}
	closed(t, oldest)
	if out, err := session(t, addr, authority).Output("echo in"); err != nil || string(out) != "in\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestOneStrangerDoesNotPushOthersAway(t *testing.T) {
	addr, authority := serve(t, nil)
	other := stand(t, addr, "127.0.0.2")
	var first net.Conn
	for range 20 {
		c := stand(t, addr, "127.0.0.1")
		if first == nil {
			first = c
		}
	}
	closed(t, first)
	// Also from the stranger's own address somebody gets in.
	if err := session(t, addr, authority).Run("true"); err != nil {
		t.Error(err)
	}
	if err := other.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, other); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("somebody else was pushed away: %v", err)
	}
}
