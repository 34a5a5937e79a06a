package nbd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"viver/nodeimage/nbd"
)

func dial(t testing.TB, address, export string) *nbd.Client {
	t.Helper()
	c, err := nbd.Dial(t.Context(), address, export)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestClientReads(t *testing.T) {
	data := content(40 << 20)
	address := serve(t, map[string]nbd.Device{"mapped": mapped(t, data), "spread": slow{data}})
	for _, export := range []string{"mapped", "spread"} {
		c := dial(t, address, export)
		if c.Size() != int64(len(data)) {
			t.Fatalf("%s has %d bytes", export, c.Size())
		}
		var readers sync.WaitGroup
		for i := range 64 {
			readers.Go(func() {
				off := 4096 + i*500_000
				p := make([]byte, 1000+i*8000)
				if err := c.ReadAt(t.Context(), p, int64(off)); err != nil || !bytes.Equal(p, data[off:off+len(p)]) {
					t.Errorf("%s: read at %d: %v", export, off, err)
				}
			})
		}
		readers.Wait()
		all := make([]byte, len(data)-4096) // more than one request may have
		if err := c.ReadAt(t.Context(), all, 4096); err != nil || !bytes.Equal(all, data[4096:]) {
			t.Errorf("%s: read all: %v", export, err)
		}
		if c.Received() < int64(len(all)) {
			t.Errorf("%s: %d bytes received", export, c.Received())
		}
	}
}

func TestClientGoesOnAfterError(t *testing.T) {
	data := content(1 << 20)
	c := dial(t, serve(t, map[string]nbd.Device{"x": slow{data}}), "x")
	p := make([]byte, 4096)
	var remote nbd.RemoteError
	if err := c.ReadAt(t.Context(), p, 0); !errors.As(err, &remote) || remote.Errno != 5 {
		t.Errorf("want EIO, got %v", err)
	}
	if err := c.ReadAt(t.Context(), p, 1<<20-4095); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("beyond the end: %v", err)
	}
	if err := c.ReadAt(t.Context(), p, 4096); err != nil || !bytes.Equal(p, data[4096:8192]) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestDialRefused(t *testing.T) {
	address := serve(t, map[string]nbd.Device{"x": slow{content(4096)}})
	_, err := nbd.Dial(t.Context(), address, "y")
	if err == nil || !strings.Contains(err.Error(), `open export "y"`) || !strings.Contains(err.Error(), "no such export") {
		t.Errorf("unknown export: %v", err)
	}
	if _, err := nbd.Dial(t.Context(), address, strings.Repeat("y", 5000)); err == nil || !strings.Contains(err.Error(), "4096 at most") {
		t.Errorf("long name: %v", err)
	}
}

// script is the server's end of a client's connection.
type script struct {
	t    *testing.T
	conn net.Conn
}

// pair returns a client and the other end of its connection, past the negotiation. It runs in a synctest bubble.
func pair(t *testing.T) (*nbd.Client, script) {
	t.Helper()
	near, far := net.Pipe()
	s := script{t, far}
	go func() {
		_, _ = far.Write(wire("NBDMAGICIHAVEOPT", uint16(3)))
		_, _ = io.ReadFull(far, make([]byte, 4+16+4+1+2+2))
		_, _ = far.Write(wire(optionReply, uint32(7), uint32(3), uint32(12), uint16(0), uint64(1<<20), uint16(3),
			optionReply, uint32(7), uint32(1), uint32(0)))
	}()
	c, err := nbd.NewClient(t.Context(), near, "x")
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// next returns the command and the cookie of the next request.
func (s script) next() (command uint16, cookie uint64) {
	s.t.Helper()
	b := make([]byte, 28)
	if _, err := io.ReadFull(s.conn, b); err != nil {
		s.t.Fatal(err)
	}
	return binary.BigEndian.Uint16(b[6:]), binary.BigEndian.Uint64(b[8:])
}

func (s script) say(parts ...any) {
	s.t.Helper()
	if _, err := s.conn.Write(wire(parts...)); err != nil {
		s.t.Fatal(err)
	}
}

func TestClientTakesRepliesInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := pair(t)
		var reads sync.WaitGroup
		got := make([]byte, 2)
		for i := range got {
			reads.Go(func() {
				if err := c.ReadAt(t.Context(), got[i:i+1], int64(i)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		_, first := s.next()
		_, second := s.next()
		s.say(reply, uint32(0), second, "b", reply, uint32(0), first, "a")
		reads.Wait()
		if string(got) != "ab" {
			t.Errorf("got %q", got)
		}
		s.conn.Close()
		c.Close()
	})
}

func TestCancelledReadLeavesConnectionUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := pair(t)
		ctx, cancel := context.WithCancel(t.Context())
		p := make([]byte, 8)
		done := make(chan error)
		go func() { done <- c.ReadAt(ctx, p, 0) }()
		_, cookie := s.next()
		s.say(reply, uint32(0), cookie, "half")
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled in the middle of its reply: %v", err)
		}
		copy(p, "mine....")
		s.say("rest")
		synctest.Wait()
		if string(p) != "mine...." {
			t.Errorf("the buffer of a cancelled read was written to: %q", p)
		}
		go func() { done <- c.ReadAt(t.Context(), p, 0) }()
		_, cookie = s.next()
		s.say(reply, uint32(0), cookie, "new data")
		if err := <-done; err != nil || string(p) != "new data" {
			t.Errorf("afterwards: %q, %v", p, err)
		}
		s.conn.Close()
		c.Close()
	})
}

func TestClientEndsReadsWhenConnectionBreaks(t *testing.T) {
	for name, end := range map[string]struct {
		do   func(*nbd.Client, script)
		want string
	}{
		"server gone":   {func(_ *nbd.Client, s script) { s.conn.Close() }, "connection lost"},
		"wrong magic":   {func(_ *nbd.Client, s script) { s.say("NOT A REPLY HEADER"[:16]) }, "a reply starts with"},
		"wrong cookie":  {func(_ *nbd.Client, s script) { s.say(reply, uint32(0), uint64(99)) }, "request 99, which was not made"},
		"client closed": {func(c *nbd.Client, s script) { go io.Copy(io.Discard, s.conn); c.Close() }, "client is closed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := pair(t)
				done := make(chan error)
				for range 2 {
					go func() { done <- c.ReadAt(t.Context(), make([]byte, 8), 0) }()
				}
				s.next()
				s.next()
				end.do(c, s)
				for range 2 {
					if err := <-done; err == nil || !strings.Contains(err.Error(), end.want) {
						t.Errorf("want %q, got %v", end.want, err)
					}
				}
				if err := c.ReadAt(t.Context(), make([]byte, 8), 0); err == nil || !strings.Contains(err.Error(), end.want) {
					t.Errorf("a later read: %v", err)
				}
				s.conn.Close()
				c.Close()
			})
		})
	}
}

func TestCloseDoesNotWaitForDeafServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := pair(t)
		done := make(chan error)
		go func() { done <- c.ReadAt(t.Context(), make([]byte, 8), 0) }() // nobody reads this request
		synctest.Wait()
		c.Close()
		if err := <-done; err == nil {
			t.Error("a read that was never sent succeeded")
		}
		s.conn.Close()
	})
}

func TestNegotiationIsBoundedByContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := nbd.NewClient(ctx, near, "x")
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("silent server: %v", err)
		}
	})
}
