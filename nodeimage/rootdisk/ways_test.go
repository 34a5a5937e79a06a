package rootdisk

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"viver/nodeimage/block"
	"viver/nodeimage/spec"
)

// server is a connection to one that has zeros, as long as it lives.
type server struct{ dead atomic.Bool }

func (s *server) ReadAt(ctx context.Context, p []byte, _ int64) error {
	if s.dead.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	clear(p)
	return nil
}
func (s *server) Size() int64     { return 2 * spec.ChunkSize }
func (s *server) Received() int64 { return 0 }
func (s *server) Err() error      { return nil }
func (s *server) Close() error    { return nil }

// members is a shared root of ones.
type members struct {
	away    atomic.Bool
	reads   atomic.Int64
	adopted []int
}

func (m *members) ReadAt(ctx context.Context, p []byte, _ int64) error {
	if m.away.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	m.reads.Add(1)
	for i := range p {
		p[i] = 1
	}
	return nil
}
func (m *members) ReadNow([]byte, int64) bool { return false }
func (m *members) Size() int64                { return 2 * spec.ChunkSize }
func (m *members) Adopt(index int, data []byte) error {
	if data[0] != 0 {
		return errors.New("another chunk")
	}
	m.adopted = append(m.adopted, index)
	return nil
}

func withServer(t *testing.T, s *server) *Disk {
	t.Helper()
	zeros := spec.DigestOf(make([]byte, spec.ChunkSize))
	root := spec.Root{Size: 2 * spec.ChunkSize, Chunks: []spec.Digest{zeros, zeros}}
	d, err := Open(Config{Root: root, Servers: []spec.Server{{Name: "seed", NBD: "192.0.2.1:10809"}}})
	if err != nil {
		t.Fatal(err)
	}
	d.failover.Close()
	source := block.Source{Name: "seed", Dial: func(context.Context) (block.Conn, error) { return s, nil }}
	if d.failover, err = block.NewFailover(root.Size, []block.Source{source}, block.FailoverOptions{}); err != nil {
		t.Fatal(err)
	}
	if d.verified, err = block.NewVerified(d.failover, root, block.Options{ReadAhead: -1}); err != nil {
		t.Fatal(err)
	}
	d.ways.servers = d.verified
	return d
}

func read(t *testing.T, d *Disk, off int64) byte {
	t.Helper()
	p := make([]byte, 1)
	if err := d.device.ReadAt(t.Context(), p, off); err != nil {
		t.Fatal(err)
	}
	return p[0]
}

// What has come from servers is handed over, and each way stands in for the other.
func TestWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := new(server), new(members)
		d := withServer(t, s)
		defer func() { d.Close() }()
		if read(t, d, 0) != 0 {
			t.Error("the server was not asked")
		}
		if err := d.Share(m); err != nil {
			t.Fatal(err)
		}
		if len(m.adopted) != 1 || m.adopted[0] != 0 {
			t.Errorf("chunks %v were handed over", m.adopted)
		}
		if read(t, d, 0) != 1 || read(t, d, spec.ChunkSize) != 1 {
			t.Error("the other machines were not asked")
		}
		m.away.Store(true)
		began := time.Now()
		if read(t, d, spec.ChunkSize) != 0 || time.Since(began) > turn {
			t.Errorf("the server did not stand in for the others within %s", turn)
		}
		m.away.Store(false)
		s.dead.Store(true)
		if read(t, d, spec.ChunkSize) != 1 {
			t.Error("the other machines were not asked again")
		}
	})
}

// A read that waits for servers is answered by the other machines as soon as this one is among them.
func TestReadThatWaitsIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := new(server), new(members)
		s.dead.Store(true)
		d := withServer(t, s)
		defer func() { d.Close() }()
		answer := make(chan byte)
		go func() { answer <- read(t, d, 0) }()
		first := make(chan bool)
		go func() { first <- d.awaitFirst(t.Context(), func(string) {}) }()
		time.Sleep(time.Second)
		if !d.Slow(time.Second) || d.Slow(time.Minute) {
			t.Error("it is not seen for how long blocks are waited for")
		}
		if err := d.Share(m); err != nil {
			t.Fatal(err)
		}
		if got := <-answer; got != 1 {
			t.Errorf("%d was read", got)
		}
		if !<-first {
			t.Error("the device is not to be attached, though it can be read")
		}
		if d.Slow(0) {
			t.Error("nothing is waited for any more")
		}
	})
}
