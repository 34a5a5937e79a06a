package field_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// settled makes a room in which all shares have been fetched.
func settled(t *testing.T, count, chunks int) *room {
	const rate = 1000 * mbit
	r := newRoom(t, chunks, rate)
	r.fill(count, rate, field.Config{Self: field.Member{Share: 64 << 20}, Cache: 4 << 20, ReadAhead: 1})
	r.await("every chunk to be on 3 machines", func() bool {
		s, err := r.nodes[1].field.Status()
		return err == nil && s.SeedMayGo
	})
	return r
}

// await waits for up to a minute of simulated time.
func (r *room) await(what string, ok func() bool) {
	r.t.Helper()
	for range 600 {
		if ok() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s, _ := r.nodes[1].field.Status()
	r.t.Fatalf("a minute was not enough for %s: %+v", what, s)
}

// readers are machines that read here and there all the time.
type readers struct {
	all    sync.WaitGroup
	cancel context.CancelFunc

	mu      sync.Mutex
	longest time.Duration
	reads   int
}

// readRandomly lets machines read until stop is called. Every byte is checked, and no read may fail.
func (r *room) readRandomly(nodes []*node) *readers {
	ctx, cancel := context.WithCancel(r.t.Context())
	rs := &readers{cancel: cancel}
	for k, n := range nodes {
		random := rand.New(rand.NewPCG(1, uint64(k)))
		rs.all.Go(func() {
			for p := make([]byte, 64<<10); ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
				off := random.Int64N(n.image.Size()/4096) * 4096
				start := time.Now()
				if err := n.check(ctx, p, off); err != nil && ctx.Err() == nil {
					r.t.Errorf("%s cannot read at %d: %v", n.member.Name, off, err)
				}
				if ctx.Err() == nil {
					rs.note(time.Since(start))
				}
			}
		})
	}
	return rs
}

func (rs *readers) note(d time.Duration) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.longest = max(rs.longest, d)
	rs.reads++
}

// reset returns the longest read since it was last called.
func (rs *readers) reset() (longest time.Duration) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	longest, rs.longest = rs.longest, 0
	return longest
}

func (rs *readers) stop(t *testing.T) {
	rs.cancel()
	rs.all.Wait()
	t.Logf("%d reads", rs.reads)
}

// TestFaults has 16 machines that read here and there while things break. No wrong byte is read, no read fails, and none
// takes much longer than a stall is waited for.
func TestFaults(t *testing.T) {
	for _, fault := range []struct {
		name  string
		most  time.Duration // a read may take
		cause func(r *room, victim *node)
	}{
		{"nothing", 100 * time.Millisecond, func(*room, *node) {}},
		{"the seed is killed", 500 * time.Millisecond, func(r *room, _ *node) { r.kill(r.nodes[0], 0) }},
		{"a holder is killed", 500 * time.Millisecond, func(r *room, victim *node) { r.kill(victim, 1300*time.Millisecond) }},
		{"connections are reset", 200 * time.Millisecond, func(_ *room, victim *node) {
			for range 10 {
				victim.resetLinks()
				time.Sleep(100 * time.Millisecond)
			}
		}},
		{"a holder stalls", 500 * time.Millisecond, func(_ *room, victim *node) { victim.set(func(n *node) { n.stalls = true }) }},
		{"a holder lies", 200 * time.Millisecond, func(_ *room, victim *node) { victim.set(func(n *node) { n.lies = true }) }},
		{"links are cut and healed", 500 * time.Millisecond, func(r *room, victim *node) {
			for _, other := range r.nodes[:9] {
				r.block(victim, other, true)
			}
			time.Sleep(3 * time.Second)
			for _, other := range r.nodes[:9] {
				r.block(victim, other, false)
			}
		}},
		// What all holders of are in the other half has to wait until they can be reached again.
		{"the room is split and joined", splitTime + 3*time.Second, func(r *room, _ *node) { r.split(splitTime) }},
		{"the seed is killed, two holders as well", 900 * time.Millisecond, func(r *room, victim *node) {
			r.kill(r.nodes[0], 0)
			r.kill(victim, 0)
			r.kill(r.nodes[7], 1300*time.Millisecond)
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testFault(t, fault.most, fault.cause) })
		})
	}
}

// splitTime is for how long a room is split.
const splitTime = 5 * time.Second

// split parts the room for a while. Both halves take the other for dead, as gossip tells them.
func (r *room) split(d time.Duration) {
	const notice = 1300 * time.Millisecond
	half := len(r.nodes) / 2
	each := func(do func(a, b *node)) {
		for _, a := range r.nodes[:half] {
			for _, b := range r.nodes[half:] {
				do(a, b)
			}
		}
	}
	each(func(a, b *node) { r.block(a, b, true) })
	time.Sleep(notice)
	each(func(a, b *node) { a.lose(b); b.lose(a) })
	time.Sleep(d - notice)
	each(func(a, b *node) { r.block(a, b, false); a.learn(b); b.learn(a) })
}

func (n *node) lose(other *node) {
	if n.field != nil {
		n.field.Down(other.member.ID)
	}
}

func testFault(t *testing.T, most time.Duration, cause func(r *room, victim *node)) {
	r := settled(t, 16, 64)
	defer r.close()
	victim := r.nodes[3]
	rs := r.readRandomly(append(r.nodes[4:6:6], r.nodes[8], r.nodes[15]))
	time.Sleep(time.Second)
	usual := rs.reset()
	cause(r, victim)
	time.Sleep(3 * time.Second)
	longest := rs.reset()
	rs.stop(t)
	t.Logf("longest read before: %v, with the fault: %v", usual, longest)
	if longest > most {
		t.Errorf("a read took %v; %v were expected at most", longest, most)
	}
}

func TestLiarIsBannedAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := settled(t, 6, 128)
		defer r.close()
		liar, reader := r.nodes[2], r.nodes[3]
		liar.set(func(n *node) { n.lies = true })
		rs := r.readRandomly([]*node{reader})
		r.await("the liar to be banned", func() bool {
			s, _ := reader.field.Status()
			return s.Reads.Bans == 1
		})
		before := liar.is(func(n *node) bool { n.sent = 0; return true })
		time.Sleep(5 * time.Second)
		rs.stop(t)
		s, _ := reader.field.Status()
		for _, m := range s.Members {
			if (m.Name == "pc02") != strings.Contains(m.Banned, "wrong bytes for chunk") {
				t.Errorf("%s is banned: %q", m.Name, m.Banned)
			}
		}
		if !before || liar.is(func(n *node) bool { return n.sent > 0 }) {
			t.Errorf("the liar was still asked")
		}
	})
}

// TestEverybodyLies has only machines that deliver wrong bytes: the reader gets an error, not them, and not silence.
func TestEverybodyLies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 8, 100*mbit)
		defer r.close()
		r.fill(1, 100*mbit, field.Config{})
		r.nodes[0].set(func(n *node) { n.lies = true })
		time.Sleep(time.Second)
		err := r.nodes[1].image.ReadAt(t.Context(), make([]byte, 10), 3*spec.ChunkSize)
		if err == nil || !strings.Contains(err.Error(), "wrong bytes") {
			t.Errorf("the read ended with %v", err)
		}
	})
}
