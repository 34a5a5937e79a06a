package nbd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sockets are the ends of a socket pair that takes little at once.
func sockets(t *testing.T) (a, b net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]net.Conn, 2)
	for i, fd := range fds {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(fd), "end")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		f.Close() // FileConn has a duplicate
		t.Cleanup(func() { ends[i].Close() })
	}
	return rawConn(ends[0]), rawConn(ends[1])
}

func TestRawWritesAllThatASocketTakesInPieces(t *testing.T) {
	a, b := sockets(t)
	if _, ok := a.(raw); !ok {
		t.Fatalf("a socket is a %T", a)
	}
	head, body := bytes.Repeat([]byte("head"), 4), bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	wrote := make(chan error, 1)
	go func() {
		err := writeBuffers(a, head, nil, body)
		wrote <- errors.Join(err, a.Close())
	}()
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, append(head, body...)) {
		t.Errorf("%d bytes arrived, %v", len(got), err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestRawEndsWhereTheConnectionDoes(t *testing.T) {
	a, b := sockets(t)
	if err := a.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	b.Close()
	if _, err := a.Write([]byte{1}); !errors.Is(err, unix.EPIPE) {
		t.Errorf("to one that has gone: %v", err)
	}
	a.Close()
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestRawIsForSocketsOnly(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if c := rawConn(a); c != a {
		t.Errorf("a pipe in memory became a %T", c)
	}
}
