package field_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// status returns that of a machine.
func (n *node) status() field.Status {
	n.room.t.Helper()
	s, err := n.field.Status()
	if err != nil {
		n.room.t.Fatalf("%s: %v", n.member.Name, err)
	}
	return s
}

// bring adds one more machine to a settled room.
func (r *room) bring(name string, config field.Config) *node {
	return r.add(name, 1000*mbit, config)
}

func TestSharesAreFetchedAndTheSeedMayGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const chunks = 96
		r := settled(t, 6, chunks)
		defer r.close()
		seed := r.nodes[0]
		if sent := float64(seed.sent) / float64(len(r.data)); sent > 1.02 {
			t.Errorf("the seed has sent %.2f images", sent)
		}
		r.kill(seed, 6*time.Second)
		r.readAll()
		s := r.nodes[1].status()
		image := s.Images[0]
		if image.Share < chunks/4 || image.Share > chunks*3/4 || image.Missing != 0 || image.Replicas[3] != chunks {
			t.Errorf("the image is %+v", image)
		}
		if last := image.Coverage[len(image.Coverage)-1]; last.Part != 1 {
			t.Errorf("the coverage is %v", image.Coverage)
		}
	})
}

func TestShareOfTheDeadIsRepaired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := settled(t, 6, 96)
		defer r.close()
		r.kill(r.nodes[0], time.Second)
		r.kill(r.nodes[2], time.Second)
		if s := r.nodes[1].status(); s.SeedMayGo && s.Images[0].Replicas[3] < s.Images[0].Chunks {
			t.Error("a machine is dead, and nothing is missing")
		}
		r.await("the share to be repaired", func() bool { return r.nodes[1].status().SeedMayGo })
		r.kill(r.nodes[4], time.Second)
		r.await("another share to be repaired", func() bool { return r.nodes[1].status().SeedMayGo })
	})
}

func TestLeavingMachineHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := settled(t, 4, 48)
		defer r.close()
		r.kill(r.nodes[0], time.Second)
		for left, n := range []*node{1: r.nodes[1], 2: r.nodes[2], 3: r.nodes[3]} {
			if n == nil {
				continue
			}
			if err := n.field.Leave(t.Context(), false); err != nil {
				t.Fatalf("%s may not leave, while %d others stay: %v", n.member.Name, 4-left, err)
			}
			r.kill(n, 200*time.Millisecond)
		}
		last := r.nodes[4]
		if s := last.status(); s.MayLeave || !strings.Contains(s.LeaveRefused, "48 chunks would be lost") {
			t.Errorf("the last machine may leave: %+v", s)
		}
		err := last.field.Leave(t.Context(), false)
		if !errors.Is(err, field.ErrLast) || !strings.Contains(err.Error(), "no machine to hand them to") {
			t.Errorf("the last machine left with %v", err)
		}
		if err := last.readThrough(t.Context()); err != nil {
			t.Error(err)
		}
		if err := last.field.Leave(t.Context(), true); err != nil {
			t.Errorf("not even with force: %v", err)
		}
	})
}

func TestLeavingIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 16, 1000*mbit)
		defer r.close()
		config := field.Config{Self: field.Member{Share: 64 << 20}}
		r.fill(1, 1000*mbit, config)
		r.await("the share to be there", func() bool { return r.nodes[1].status().Images[0].Missing == 0 })
		r.kill(r.nodes[0], 5*time.Second)
		r.kill(r.bring("pc02", config), 0) // it takes nothing, and nobody knows
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.nodes[1].field.Leave(ctx, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("leaving ended with %v", err)
		}
		if s := r.nodes[1].status(); s.Self.Leaving || r.nodes[1].field.Load().Leaving {
			t.Error("it is still leaving")
		}
	})
}

// sources returns by how many bytes the machines have been read from while the reader read everything.
func (r *room) sources(reader *node) map[string]int64 {
	r.t.Helper()
	for _, n := range r.nodes {
		n.set(func(n *node) { n.sent = 0 })
	}
	if err := reader.readThrough(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	sent := make(map[string]int64)
	for _, n := range r.nodes {
		n.set(func(n *node) { sent[n.member.Name] = n.sent })
	}
	return sent
}

func TestDrainAndPrefer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := settled(t, 3, 64) // each has everything
		defer r.close()
		reader := r.bring("pc09", field.Config{Cache: 4 << 20})
		time.Sleep(time.Second)
		even := r.sources(reader)
		for name, bytes := range even {
			if strings.HasPrefix(name, "pc0") && name != "pc09" && bytes < int64(len(r.data))/6 {
				t.Errorf("%s was asked for too little: %v", name, even)
			}
		}
		if err := reader.field.Prefer("pc02", 50); err != nil {
			t.Fatal(err)
		}
		if got := r.sources(reader); got["pc02"] < even["pc02"]*5/4 {
			t.Errorf("pc02 is preferred: %v, and was not before: %v", got, even)
		}
		if err := reader.field.Drain("pc02", true); err != nil {
			t.Fatal(err)
		}
		if got := r.sources(reader); got["pc02"] != 0 || got["seed"] != 0 {
			t.Errorf("pc02 is drained, and was read from: %v", got)
		}
		r.kill(r.nodes[0], 0)
		r.kill(r.nodes[1], 0)
		r.kill(r.nodes[3], 0)
		if got := r.sources(reader); got["pc02"] == 0 {
			t.Errorf("pc02 is drained but alone, and was not read from: %v", got)
		}
		if err := reader.field.Drain("pc77", true); err == nil || !strings.Contains(err.Error(), `"pc77"`) {
			t.Errorf("draining nobody ended with %v", err)
		}
		if err := reader.field.Prefer("pc02", 0); err == nil {
			t.Error("a factor of 0 is taken")
		}
	})
}

func TestRangesArePinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const half = 32 * spec.ChunkSize
		r := settled(t, 3, 64)
		defer r.close()
		reader := r.bring("pc09", field.Config{Cache: 4 << 20})
		time.Sleep(time.Second)
		pins := []spec.Pin{{Image: r.image, Length: half, Members: []string{"seed"}}, {Image: r.image, Offset: half, Length: half, Members: []string{"pc03"}}}
		if err := reader.field.Pin(pins); err != nil {
			t.Fatal(err)
		}
		ranges, err := reader.field.Map(r.image)
		want := []field.Range{{Length: half, State: "away", From: "seed"}, {Offset: half, Length: half - 4096, State: "away", From: "pc03"}}
		if err != nil || !slices.Equal(ranges, want) {
			t.Errorf("the map is %+v: %v", ranges, err)
		}
		if got := r.sources(reader); got["seed"] != half || got["pc03"] != half-4096 {
			t.Errorf("the first half is pinned to the seed, the other to pc03; read from: %v", got)
		}
		r.kill(r.nodes[3], time.Second)
		if got := r.sources(reader); got["pc01"]+got["pc02"] == 0 {
			t.Errorf("pc03 is dead, and nobody stood in: %v", got)
		}
	})
}

func TestSlowHolderIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := settled(t, 3, 64)
		defer r.close()
		reader := r.bring("pc09", field.Config{Cache: 4 << 20})
		r.nodes[2].up.rate = 10 * mbit
		time.Sleep(time.Second)
		r.sources(reader)
		start := time.Now()
		if got := r.sources(reader); got["pc02"] > int64(len(r.data))/16 || time.Since(start) > time.Second {
			t.Errorf("pc02 has a hundredth of the others' speed, but delivered %v; it took %v", got, time.Since(start))
		}
	})
}

func TestAddedServerIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 64, 20*mbit)
		defer r.close()
		r.fill(1, 1000*mbit, field.Config{Cache: 4 << 20})
		time.Sleep(100 * time.Millisecond)
		r.sources(r.nodes[1])
		r.add("fast", 1000*mbit, field.Config{Self: field.Member{Seed: true}})
		time.Sleep(100 * time.Millisecond)
		if got := r.sources(r.nodes[1]); got["fast"] < got["seed"] {
			t.Errorf("a faster server has come, and reads come from %v", got)
		}
	})
}

func TestCacheShrinksAndTheShareStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 128, 1000*mbit)
		defer r.close()
		r.fill(1, 1000*mbit, field.Config{Self: field.Member{Share: 8 << 20}, Cache: 16 << 20})
		n := r.nodes[1]
		r.await("the share to be there", func() bool { return n.status().Images[0].Missing == 0 })
		r.sources(n)
		if m := n.status().Memory; m.Share != 8<<20 || m.Cache != 16<<20 {
			t.Errorf("the memory holds %+v", m)
		}
		if err := n.field.SetCache(5 << 20); err != nil {
			t.Fatal(err)
		}
		if m := n.status().Memory; m.Share != 8<<20 || m.Cache != 5<<20 {
			t.Errorf("under pressure the memory holds %+v", m)
		}
	})
}

func TestSeveralImages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := settled(t, 3, 16)
		defer r.close()
		n := r.nodes[1]
		next := spec.DigestOf([]byte("next")) // the seed has the same bytes under any ID
		var images []*field.Image
		for _, other := range r.nodes[1:] {
			i, err := other.field.Add(next, r.root)
			if err != nil {
				t.Fatal(err)
			}
			images = append(images, i)
		}
		r.await("the new image to be spread", func() bool { s := n.status(); return len(s.Images) == 2 && s.SeedMayGo })
		if err := images[0].Use(); err != nil {
			t.Fatal(err)
		}
		if err := n.field.Remove(next); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("an image in use was dropped: %v", err)
		}
		if err := images[0].Unuse(); err != nil {
			t.Fatal(err)
		}
		if err := n.field.Remove(next); err != nil || n.field.Image(next) != nil || len(n.status().Images) != 1 {
			t.Errorf("the image is still there: %v", err)
		}
		if err := images[0].ReadAt(t.Context(), make([]byte, 10), 0); !errors.Is(err, field.ErrClosed) {
			t.Errorf("a dropped image was read: %v", err)
		}
		if err := n.readThrough(t.Context()); err != nil {
			t.Errorf("the other image cannot be read: %v", err)
		}
	})
}

func TestReadsEndWithTheirContextAndWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 4, 1000*mbit)
		r.fill(1, 1000*mbit, field.Config{})
		n := r.nodes[1]
		r.kill(r.nodes[0], 0)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := n.image.ReadAt(ctx, make([]byte, 3*spec.ChunkSize), 10); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the read ended with %v", err)
		}
		ended := make(chan error)
		go func() { ended <- n.image.ReadAt(t.Context(), make([]byte, 10), 0) }()
		time.Sleep(time.Second)
		r.close()
		if err := <-ended; !errors.Is(err, field.ErrClosed) {
			t.Errorf("after Close the read ended with %v", err)
		}
		if err := n.image.ReadAt(t.Context(), make([]byte, 10), int64(len(r.data))); err == nil || errors.Is(err, field.ErrClosed) {
			t.Errorf("a read beyond the end ended with %v", err)
		}
	})
}

// gossip tells all machines what the others say of themselves.
func (r *room) gossip() {
	for _, n := range r.nodes[1:] {
		if whole := n.field.Complete(); whole != n.member.Complete {
			n.member.Complete = whole
			for _, other := range r.nodes {
				if other != n {
					other.learn(n)
				}
			}
		}
	}
}

// TestLargeRoom has more machines than each is connected to.
func TestLargeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 64, 1000*mbit)
		defer r.close()
		r.fill(24, 1000*mbit, field.Config{Self: field.Member{Share: 64 << 20}, Cache: 4 << 20, MaxPeers: 6})
		r.await("every chunk to be on 3 machines", func() bool {
			r.gossip()
			return r.nodes[1].status().SeedMayGo && r.nodes[20].status().SeedMayGo
		})
		r.kill(r.nodes[0], time.Second)
		start := time.Now()
		if err := r.nodes[7].readThrough(t.Context()); err != nil || time.Since(start) > 2*time.Second {
			t.Errorf("reading from machines that are not neighbours took %v: %v", time.Since(start), err)
		}
		connected := func() (n int) {
			for _, m := range r.nodes[7].status().Members {
				if m.Connected {
					n++
				}
			}
			return n
		}
		r.await("links to be closed that are not used", func() bool { return connected() <= 6 })
		leaves := r.nodes[8]
		leaves.member.Leaving = true
		for _, other := range r.nodes {
			other.learn(leaves)
		}
		left := make(chan error, 1)
		go func() { left <- leaves.field.Leave(t.Context(), false) }()
		r.await("a machine to leave", func() bool { r.gossip(); return len(left) > 0 })
		if err := <-left; err != nil {
			t.Errorf("a machine may not leave: %v", err)
		}
	})
}
