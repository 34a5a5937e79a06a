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

// tcp are the ends of a connection over loopback.
func tcp(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, rawConn(b)
}

func TestReadWaitsForWhatIsExpected(t *testing.T) {
	a, b := tcp(t)
	expecting(b, 20<<10)
	first, second := make([]byte, 10<<10), make([]byte, 10<<10)
	if _, err := a.Write(first); err != nil {
		t.Fatal(err)
	}
	read := make(chan int)
	go func() {
		n, err := b.Read(make([]byte, 64<<10))
		if err != nil {
			t.Error(err)
		}
		read <- n
	}()
	select {
	case n := <-read:
		t.Fatalf("%d bytes were read at once", n)
	case <-time.After(50 * time.Millisecond):
	}
	if _, err := a.Write(second); err != nil {
		t.Fatal(err)
	}
	if n := <-read; n != 20<<10 {
		t.Errorf("%d bytes were read", n)
	}
}

// A connection that ends early is no reason to wait, be its end seen before the read or in it.
func TestReadSeesTheEndBeforeWhatIsExpected(t *testing.T) {
	for _, before := range []bool{true, false} {
		a, b := tcp(t)
		expecting(b, 20<<10)
		end := func() {
			if _, err := a.Write(make([]byte, 100)); err != nil {
				t.Error(err)
			}
			a.Close()
		}
		if before {
			end()
		} else {
			time.AfterFunc(10*time.Millisecond, end)
		}
		if err := b.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := io.ReadFull(b, make([]byte, 20<<10)); n != 100 || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
}

func TestMoreThanTheSocketHoldsIsRead(t *testing.T) {
	a, b := tcp(t)
	all := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	go func() {
		if _, err := a.Write(all); err != nil {
			t.Error(err)
		}
	}()
	expecting(b, len(all))
	got := make([]byte, len(all))
	if _, err := io.ReadFull(b, got[:len(got)-7]); err != nil {
		t.Fatal(err)
	}
	expecting(b, 7)
	if _, err := io.ReadFull(b, got[len(got)-7:]); err != nil || !bytes.Equal(got, all) {
		t.Errorf("other bytes, %v", err)
	}
}
