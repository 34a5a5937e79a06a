package nbd_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"viver/nodeimage/nbd"
)

// tape is a connection whose other end has said all it will ever say.
type tape struct {
	r io.Reader
}

func (t tape) Read(p []byte) (int, error)     { return t.r.Read(p) }
func (tape) Write(p []byte) (int, error)      { return len(p), nil }
func (tape) Close() error                     { return nil }
func (tape) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (tape) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (tape) SetDeadline(time.Time) error      { return nil }
func (tape) SetReadDeadline(time.Time) error  { return nil }
func (tape) SetWriteDeadline(time.Time) error { return nil }

func FuzzServer(f *testing.F) {
	choose := wire(uint32(3), "IHAVEOPT", uint32(7), uint32(7), uint32(1), "m", uint16(0))
	f.Add(choose)
	f.Add(append(bytes.Clone(choose), wire(request, uint16(0), uint16(0), uint64(1), uint64(4096), uint32(4096))...))
	f.Add(append(bytes.Clone(choose), wire(request, uint16(0), uint16(1), uint64(1), uint64(0), uint32(4), "data", request)...))
	f.Add(wire(uint32(1), "IHAVEOPT", uint32(1), uint32(1), "s", request, uint16(0), uint16(0), uint64(1), uint64(0), uint32(9)))
	f.Add(wire(uint32(3), "IHAVEOPT", uint32(3), uint32(0), "IHAVEOPT", uint32(6), uint32(7), uint32(1), "s", uint16(0), "IHAVEOPT", uint32(2), uint32(0)))
	held := wire(uint32(3), "IHAVEOPT", uint32(8), uint32(0), "IHAVEOPT", uint32(10), uint32(23), uint32(1), "h", uint32(1), uint32(10), "viver:held",
		"IHAVEOPT", uint32(7), uint32(7), uint32(1), "h", uint16(0))
	f.Add(append(bytes.Clone(held), wire(request, uint16(0), uint16(7), uint64(1), uint64(1), uint32(8000), request, uint16(4), uint16(0), uint64(2), uint64(0), uint32(9))...))
	f.Add(wire(uint32(3), "IHAVEOPT", uint32(5), uint32(0)))
	f.Add(wire(uint32(3), "IHAVEOPT", uint32(9), uint32(9), uint32(1), "h", uint32(1<<31)))
	data, ca := content(16<<10), newAuthority(f)
	server := nbd.Server{
		Exports: map[string]nbd.Device{"m": mapped(f, data), "s": slow{data}, "h": holey{healthy{slow{data}}, "xxx_xxx_xxx_x_x_"}}, TLS: ca.config(f, "server"),
	}
	strict := server
	strict.RequireTLS = true
	f.Fuzz(func(t *testing.T, said []byte) {
		for _, s := range []*nbd.Server{&server, &strict} {
			_ = s.ServeConn(t.Context(), tape{bytes.NewReader(said)})
		}
	})
}

func FuzzClient(f *testing.F) {
	hello := wire("NBDMAGICIHAVEOPT", uint16(3),
		optionReply, uint32(7), uint32(3), uint32(12), uint16(0), uint64(1<<20), uint16(3),
		optionReply, uint32(7), uint32(3), uint32(14), uint16(3), uint32(1), uint32(4096), uint32(1<<20),
		optionReply, uint32(7), uint32(1), uint32(0))
	f.Add(hello)
	f.Add(append(bytes.Clone(hello), wire(reply, uint32(0), uint64(1), "12345678", reply, uint32(5), uint64(2))...))
	f.Add(append(bytes.Clone(hello), wire(reply, uint32(0), uint64(77))...))
	f.Add(wire("NBDMAGICIHAVEOPT", uint16(1), optionReply, uint32(7), uint32(6|1<<31), uint32(4), "none"))
	f.Add(wire("NBDMAGICIHAVEOPT", uint16(3), optionReply, uint32(5), uint32(1), uint32(0), "\x16\x03\x03"))
	config := newAuthority(f).config(f, "client")
	f.Fuzz(func(t *testing.T, said []byte) {
		if c, err := nbd.NewClientTLS(t.Context(), tape{bytes.NewReader(said)}, "x", config); err == nil {
			c.Close()
			t.Error("a tape cannot know the keys")
		}
		c, err := nbd.NewClient(context.Background(), tape{bytes.NewReader(said)}, "x")
		if err != nil {
			return
		}
		var reads sync.WaitGroup
		for range 2 {
			reads.Go(func() { _ = c.ReadAt(context.Background(), make([]byte, min(8, c.Size())), 0) })
		}
		reads.Wait() // the tape has an end, so each read must have one
		c.Close()
	})
}
