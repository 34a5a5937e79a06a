package block_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"viver/nodeimage/block"
)

// host is a server of a test, which can be made ill.
type host struct {
	name string
	data []byte

	mu      sync.Mutex
	down    bool          // refuses to be connected to
	silent  bool          // takes requests and never answers
	delay   time.Duration // of each answer
	err     error         // of each answer
	conns   []*conn
	dials   int
	reads   int
	trickle bool // sends something all the time, but never an answer
}

// set changes the host; conns that are open are not touched.
func (h *host) set(change func(*host)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

// crash takes the host down with all its connections.
func (h *host) crash() {
	h.mu.Lock()
	h.down = true
	conns := h.conns
	h.mu.Unlock()
	for _, c := range conns {
		c.fail(errors.New("connection reset"))
	}
}

func (h *host) counts() (dials, reads int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dials, h.reads
}

func (h *host) source() block.Source {
	return block.Source{Name: h.name, Dial: func(context.Context) (block.Conn, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.dials++
		if h.down {
			return nil, errors.New("connection refused")
		}
		c := &conn{host: h, dead: make(chan struct{})}
		h.conns = append(h.conns, c)
		return c, nil
	}}
}

type conn struct {
	host     *host
	received atomic.Int64
	dead     chan struct{}

	mu  sync.Mutex
	err error
}

func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.dead)
	}
}

func (c *conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *conn) Close() error {
	c.fail(errors.New("closed"))
	return nil
}

func (c *conn) Size() int64     { return int64(len(c.host.data)) }
func (c *conn) Received() int64 { return c.received.Load() }

func (c *conn) ReadAt(ctx context.Context, p []byte, off int64) error {
	h := c.host
	h.mu.Lock()
	h.reads++
	silent, delay, err, trickle := h.silent, h.delay, h.err, h.trickle
	h.mu.Unlock()
	var answer, drip <-chan time.Time
	if !silent {
		answer = time.After(delay)
	}
	if trickle {
		t := time.NewTicker(50 * time.Millisecond)
		defer t.Stop()
		drip = t.C
	}
	for {
		select {
		case <-drip:
			c.received.Add(1)
		case <-answer:
			if err == nil {
				copy(p, h.data[off:])
				c.received.Add(int64(len(p)))
			}
			return err
		case <-c.dead:
			return c.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// room is a Failover over two hosts, a and b, in a synctest bubble.
type room struct {
	t    *testing.T
	a, b *host
	f    *block.Failover
}

func withRoom(t *testing.T, options block.FailoverOptions, test func(room)) {
	synctest.Test(t, func(t *testing.T) {
		data := []byte(strings.Repeat("0123456789abcdef", 1<<10))
		r := room{t: t, a: &host{name: "a", data: data}, b: &host{name: "b", data: data}}
		f, err := block.NewFailover(int64(len(data)), []block.Source{r.a.source(), r.b.source()}, options)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r.f = f
		test(r)
	})
}

// read reads 4 bytes, which must be right, and returns how long it took.
func (r room) read(off int64) time.Duration {
	r.t.Helper()
	begin := time.Now()
	p := make([]byte, 4)
	if err := r.f.ReadAt(r.t.Context(), p, off); err != nil || !bytes.Equal(p, r.a.data[off:off+4]) {
		r.t.Errorf("read at %d: %q, %v", off, p, err)
	}
	return time.Since(begin)
}

func TestReadsFromFirstWhileItAnswers(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		for off := range int64(10) {
			r.read(off)
		}
		if dials, reads := r.a.counts(); dials != 1 || reads != 10 {
			t.Errorf("a: %d connections, %d reads", dials, reads)
		}
		if dials, _ := r.b.counts(); dials != 0 {
			t.Error("b was bothered")
		}
		if r.f.BytesRead() != 40 || r.f.Current() != "a" {
			t.Errorf("%d bytes read, from %s", r.f.BytesRead(), r.f.Current())
		}
	})
}

func TestCrashMovesReadsAtOnce(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		r.a.set(func(h *host) { h.silent = true })
		var reads sync.WaitGroup
		for off := range int64(8) {
			reads.Go(func() {
				if took := r.read(off); took > 10*time.Millisecond {
					t.Errorf("the read took %s", took)
				}
			})
		}
		synctest.Wait()
		r.a.crash()
		reads.Wait()
		r.read(9)
		if dials, _ := r.b.counts(); dials != 1 || r.f.Current() != "b" {
			t.Errorf("%d connections to b, current is %s", dials, r.f.Current())
		}
	})
}

func TestErrorAnswerIsAskedElsewhere(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		r.a.set(func(h *host) { h.err = errors.New("EIO") })
		r.read(0)
		if c := r.a.conns[0]; c.Err() != nil {
			t.Errorf("a healthy connection was dropped: %v", c.Err())
		}
	})
}

func TestStallAsksNextAndKeepsFirst(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		r.a.set(func(h *host) { h.delay = 700 * time.Millisecond })
		r.b.set(func(h *host) { h.delay = time.Second })
		if took := r.read(0); took != 700*time.Millisecond {
			t.Errorf("the late answer of the first was not taken: %s", took)
		}
		r.a.set(func(h *host) { h.delay = 4 * time.Second })
		if took := r.read(0); took != 1500*time.Millisecond {
			t.Errorf("the second was not asked after the stall: %s", took)
		}
		if r.f.Current() != "b" {
			t.Errorf("current is %s", r.f.Current())
		}
	})
}

func TestSlowLineIsNoStall(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		r.a.set(func(h *host) { h.delay, h.trickle = 20*time.Second, true })
		if took := r.read(0); took != 20*time.Second {
			t.Errorf("the read took %s", took)
		}
		if dials, _ := r.b.counts(); dials != 0 {
			t.Error("b was asked although bytes came from a")
		}
	})
}

func TestSilentServerIsGivenUp(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		r.b.set(func(h *host) { h.down = true })
		r.a.set(func(h *host) { h.silent = true })
		done := make(chan time.Duration)
		go func() { done <- r.read(0) }()
		time.Sleep(4 * time.Second)
		r.a.set(func(h *host) { h.silent = false })
		if took := <-done; took < 5*time.Second || took > 6*time.Second {
			t.Errorf("the read took %s", took)
		}
		if dials, _ := r.a.counts(); dials != 2 {
			t.Errorf("%d connections to a", dials)
		}
	})
}

func TestReadsWaitUntilServersReturn(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		r.read(0)
		r.a.crash()
		r.b.crash()
		done := make(chan time.Duration)
		for range 32 {
			go func() { done <- r.read(0) }()
		}
		time.Sleep(time.Hour)
		dials, _ := r.b.counts()
		if dials > 3600 {
			t.Errorf("%d connections tried in an hour", dials)
		}
		r.b.set(func(h *host) { h.down = false })
		for range 32 {
			if took := <-done; took > time.Hour+2*time.Second {
				t.Errorf("the read went on %s after the server was back", took-time.Hour)
			}
		}
	})
}

func TestBudgetEndsReading(t *testing.T) {
	withRoom(t, block.FailoverOptions{Budget: 25 * time.Second}, func(r room) {
		r.a.crash()
		r.b.crash()
		begin := time.Now()
		err := r.f.ReadAt(r.t.Context(), make([]byte, 4), 0)
		if err == nil || !strings.Contains(err.Error(), "in time") || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("want the reason, got %v", err)
		}
		if took := time.Since(begin); took != 25*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestContextAndCloseEndReading(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		r.a.set(func(h *host) { h.silent = true })
		r.b.crash()
		ctx, cancel := context.WithCancel(r.t.Context())
		done := make(chan error)
		go func() { done <- r.f.ReadAt(ctx, make([]byte, 4), 0) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		go func() { done <- r.f.ReadAt(r.t.Context(), make([]byte, 4), 0) }()
		synctest.Wait()
		r.f.Close()
		if err := <-done; !errors.Is(err, block.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		if r.a.conns[0].Err() == nil {
			t.Error("a connection is left open")
		}
	})
}

func TestWrongBytesAreNotAskedForAgain(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		r.a.data = bytes.Repeat([]byte("x"), len(r.a.data))
		fetch := func(off int64) error {
			return r.f.Fetch(r.t.Context(), make([]byte, 4), off, func(p []byte) error {
				if !bytes.Equal(p, r.b.data[off:off+4]) {
					return errors.New("wrong digest")
				}
				return nil
			})
		}
		for range 3 {
			if err := fetch(0); err != nil {
				t.Error(err)
			}
		}
		if _, reads := r.a.counts(); reads != 1 {
			t.Errorf("a was asked %d times for what it has wrong", reads)
		}
		if r.f.Current() != "a" {
			t.Error("a is not asked for other chunks any more")
		}
		r.b.data = r.a.data[:len(r.a.data):len(r.a.data)]
		good := []byte("0123")
		err := r.f.Fetch(r.t.Context(), make([]byte, 4), 16, func(p []byte) error {
			if !bytes.Equal(p, good) {
				return errors.New("wrong digest")
			}
			return nil
		})
		if !errors.Is(err, block.ErrCorrupt) || !strings.Contains(err.Error(), "wrong digest") {
			t.Errorf("wrong everywhere: %v", err)
		}
	})
}

func TestBitsThatFlipOnTheWayAreAskedForAgain(t *testing.T) {
	withRoom(t, block.FailoverOptions{}, func(r room) {
		flips := 2 // one on the way from each server
		err := r.f.Fetch(r.t.Context(), make([]byte, 4), 0, func([]byte) error {
			if flips--; flips >= 0 {
				return errors.New("wrong digest")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestServerOfAnotherSizeIsRefused(t *testing.T) {
	withRoom(t, block.FailoverOptions{Budget: time.Second}, func(r room) {
		r.a.data = r.a.data[:100]
		r.read(0)
		if r.f.Current() != "b" {
			t.Errorf("current is %s", r.f.Current())
		}
	})
}
