package nbd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"

	"viver/nodeimage/nbd"
)

// content returns n bytes that differ from place to place, the same each time.
func content(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// slow is a Device of the kind that may be slow; its first block cannot be read.
type slow struct{ data []byte }

func (d slow) Size() int64 { return int64(len(d.data)) }

func (d slow) ReadAt(_ context.Context, p []byte, off int64) error {
	if off < 4096 {
		return errors.New("bad block")
	}
	copy(p, d.data[off:])
	return nil
}

func mapped(t testing.TB, data []byte) *nbd.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := nbd.MapFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// serve runs a server on loopback until the test ends.
func serve(t testing.TB, exports map[string]nbd.Device) (address string) {
	t.Helper()
	return serveAs(t, nbd.Server{Exports: exports})
}

func serveAs(t testing.TB, s nbd.Server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// raw is a connection on which a test says what no good client would.
type raw struct {
	t    *testing.T
	conn net.Conn
}

func dialRaw(t *testing.T, address string) raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	r := raw{t, conn}
	r.expect("NBDMAGICIHAVEOPT", uint16(3))
	return r
}

func wire(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		if s, ok := p.(string); ok {
			p = []byte(s)
		}
		_ = binary.Write(&b, binary.BigEndian, p)
	}
	return b.Bytes()
}

func (r raw) say(parts ...any) {
	r.t.Helper()
	if _, err := r.conn.Write(wire(parts...)); err != nil {
		r.t.Fatal(err)
	}
}

func (r raw) expect(parts ...any) {
	r.t.Helper()
	want := wire(parts...)
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r.conn, got); err != nil || !bytes.Equal(got, want) {
		r.t.Fatalf("want %x, got %x, %v", want, got[:n], err)
	}
}

func (r raw) expectEnd() {
	r.t.Helper()
	if n, err := r.conn.Read(make([]byte, 1)); n > 0 || err == nil {
		r.t.Fatal("the server goes on")
	}
}

const (
	optionReply = uint64(0x3e889045565a9)
	request     = uint32(0x25609513)
	reply       = uint32(0x67446698)
)

func (r raw) goTo(name string) {
	r.t.Helper()
	r.say("IHAVEOPT", uint32(7), uint32(len(name)+6), uint32(len(name)), name, uint16(0))
}

func TestNegotiation(t *testing.T) {
	data := content(8192)
	r := dialRaw(t, serve(t, map[string]nbd.Device{"a": mapped(t, data), "bb": slow{data}}))
	r.say(uint32(3))
	r.say("IHAVEOPT", uint32(4), uint32(0)) // PEEK_EXPORT, withdrawn
	r.expect(optionReply, uint32(4), uint32(1|1<<31), uint32(0))
	r.say("IHAVEOPT", uint32(5), uint32(0)) // STARTTLS
	r.expect(optionReply, uint32(5), uint32(1|1<<31), uint32(0))
	r.say("IHAVEOPT", uint32(3), uint32(0)) // LIST
	r.expect(optionReply, uint32(3), uint32(2), uint32(5), uint32(1), "a")
	r.expect(optionReply, uint32(3), uint32(2), uint32(6), uint32(2), "bb")
	r.expect(optionReply, uint32(3), uint32(1), uint32(0))
	r.say("IHAVEOPT", uint32(7), uint32(6), uint32(1<<31), uint16(0)) // GO, with a name longer than the option
	text := "the name is longer than the option"
	r.expect(optionReply, uint32(7), uint32(3|1<<31), uint32(len(text)), text)
	r.goTo("c")
	text = `no export "c" here`
	r.expect(optionReply, uint32(7), uint32(6|1<<31), uint32(len(text)), text)
	r.goTo("a")
	r.expect(optionReply, uint32(7), uint32(3), uint32(12), uint16(0), uint64(8192), uint16(1|2|1<<8))
	r.expect(optionReply, uint32(7), uint32(3), uint32(14), uint16(3), uint32(1), uint32(4096), uint32(32<<20))
	r.expect(optionReply, uint32(7), uint32(1), uint32(0))
	r.say(request, uint16(0), uint16(0), "cookie 1", uint64(10), uint32(3))
	r.expect(reply, uint32(0), "cookie 1", data[10:13])
}

func TestExportName(t *testing.T) {
	address := serve(t, map[string]nbd.Device{"a": slow{content(8192)}})
	r := dialRaw(t, address)
	r.say(uint32(1), "IHAVEOPT", uint32(1), uint32(1), "a")
	r.expect(uint64(8192), uint16(1|2|1<<8), make([]byte, 124))
	r = dialRaw(t, address)
	r.say(uint32(3), "IHAVEOPT", uint32(1), uint32(1), "x")
	r.expectEnd()
}

func TestHostileOptionsEndTheConnection(t *testing.T) {
	address := serve(t, map[string]nbd.Device{"a": slow{content(8192)}})
	for name, say := range map[string][]any{
		"4 GiB of payload":     {uint32(3), "IHAVEOPT", uint32(7), uint32(1<<32 - 1)},
		"no magic":             {uint32(3), "HAVEIOPT", uint32(7), uint32(0)},
		"flags nobody defined": {uint32(1 << 7)},
		"abort":                {uint32(3), "IHAVEOPT", uint32(2), uint32(0)},
	} {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, address)
			r.say(say...)
			if name == "abort" {
				r.expect(optionReply, uint32(2), uint32(1), uint32(0))
			}
			r.expectEnd()
		})
	}
}

// TestTransmissionErrors says to both loops what they must refuse, and then reads to see that they are still in step.
func TestTransmissionErrors(t *testing.T) {
	data := content(8192)
	for kind, d := range map[string]nbd.Device{"mapped": mapped(t, data), "spread": slow{data}} {
		t.Run(kind, func(t *testing.T) {
			r := dialRaw(t, serve(t, map[string]nbd.Device{"": d}))
			r.say(uint32(3), "IHAVEOPT", uint32(1), uint32(0))
			r.expect(uint64(8192), uint16(1|2|1<<8))
			for _, c := range []struct {
				flags, command uint16
				offset         uint64
				length         uint32
				errno          uint32
			}{
				{0, 0, 8192, 1, 22},
				{0, 0, 1 << 63, 4096, 22},
				{0, 0, 1<<64 - 1, 1<<32 - 1, 22},
				{0, 0, 0, 1<<32 - 1, 22},
				{1 << 2, 0, 0, 512, 22}, // DF
				{0, 4, 0, 512, 1},       // TRIM
				{0, 6, 0, 512, 1},       // WRITE_ZEROES
				{0, 3, 0, 0, 22},        // FLUSH
				{0, 99, 0, 0, 22},
			} {
				r.say(request, c.flags, c.command, uint64(7), c.offset, c.length)
				r.expect(reply, c.errno, uint64(7))
			}
			r.say(request, uint16(0), uint16(1), uint64(8), uint64(0), uint32(512), make([]byte, 512)) // WRITE
			r.expect(reply, uint32(1), uint64(8))
			r.say(request, uint16(0), uint16(0), uint64(9), uint64(4096), uint32(4096))
			r.expect(reply, uint32(0), uint64(9), data[4096:])
			r.say(request, uint16(0), uint16(2), uint64(10), uint64(0), uint32(0)) // DISC
			r.expectEnd()
		})
	}
}

func TestMapFileRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, empty, filepath.Join(dir, "missing")} {
		if _, err := nbd.MapFile(path); err == nil {
			t.Errorf("%s was mapped", path)
		}
	}
}
