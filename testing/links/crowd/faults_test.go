package crowd_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"viver/nodeimage/field"
	"viver/testing/links"
	"viver/testing/links/crowd"
)

func TestMain(m *testing.M) {
	crowd.Main()
	os.Exit(m.Run())
}

const (
	members = 16
	// limit is after how long a read counts as failed. Those of a machine that is cut off wait as long as that lasts.
	limit = time.Minute
	// pause is what a member does between two reads, so that it is the network that is tried and not the processors.
	pause = 50 * time.Millisecond
	// mayDelay is by how much a holder that is killed may delay a read.
	mayDelay = 500 * time.Millisecond
)

// trial is a room with members that read at random all the time, and check each byte.
type trial struct {
	t     *testing.T
	room  *links.Room
	crowd *crowd.Crowd
	seed  *crowd.Process
	false []*crowd.Process // one that will stall, and one that will lie
	nodes []*crowd.Process
}

func start(t *testing.T) *trial {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	hosts := []string{"seed", "staller", "liar"}
	for i := range members {
		hosts = append(hosts, fmt.Sprintf("pc%02d", i+1))
	}
	room, err := links.Open(t.Context(), "test-faults", 100*links.Mbit, hosts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, room.Close(context.Background())) })
	c, err := crowd.New(room, "test-faults", 32<<20-8192, crowd.Options{Share: 32 << 20, Cache: 4 << 20, AtOnce: 1})
	check(t, err)
	t.Cleanup(func() { check(t, c.Close()) })
	r := &trial{t: t, room: room, crowd: c}
	t.Cleanup(r.logs)
	r.seed, err = c.Seed(t.Context(), hosts[0])
	check(t, err)
	for _, h := range hosts[1:3] {
		p, err := c.False(t.Context(), h)
		check(t, err)
		r.false = append(r.false, p)
	}
	r.nodes, err = c.Members(t.Context(), hosts[3:]...)
	check(t, err)
	r.await(r.nodes, "connected", crowd.Connected(members+2))
	check(t, crowd.All(r.nodes, (*crowd.Process).Open))
	r.await(r.nodes, "covered", covered)
	check(t, crowd.All(r.nodes, func(p *crowd.Process) error { return p.Watch(limit, pause) }))
	return r
}

// logs shows what members have said, if the test has failed.
func (r *trial) logs() {
	if r.t.Failed() {
		for _, p := range r.nodes {
			r.t.Logf("%s:\n%s", p.Name, p.Log(15))
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// covered reports whether a member says that the seed may go.
func covered(s field.Status) bool { return s.SeedMayGo && crowd.HasShare(s) }

// await waits until something is true of all, and tells how long that took.
func (r *trial) await(list []*crowd.Process, name string, what func(field.Status) bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	begin := time.Now()
	if err := crowd.Until(ctx, list, what); err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	r.t.Logf("%s after %.1f s", name, time.Since(begin).Seconds())
}

// during lets time pass after something was done, and returns what the given members have seen meanwhile. No member may have read
// anything wrong, or have failed to read.
func (r *trial) during(name string, d time.Duration, of []*crowd.Process, do func() error) sum {
	r.t.Helper()
	r.tally(name, r.nodes)
	if err := do(); err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	select {
	case <-time.After(d):
	case <-r.t.Context().Done():
	}
	seen := r.tally(name, of)
	r.t.Logf("%-42s %5d reads, %d wrong, %d failed; those that waited: median %4.0f ms, the longest %5.0f ms (%s); processes were late by %.0f ms",
		name, seen.Reads, seen.Wrong, seen.Failed, ms(seen.Median), ms(seen.Longest), seen.by, ms(seen.Late))
	return seen
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// sum is what several members have seen. Durations are the largest of theirs.
type sum struct {
	crowd.Tally
	by string // who had the longest read
}

// tally sums what members have seen.
func (r *trial) tally(name string, of []*crowd.Process) (s sum) {
	r.t.Helper()
	for _, p := range of {
		t, err := p.Tally()
		check(r.t, err)
		if t.Wrong > 0 || t.Failed > 0 {
			r.t.Errorf("%s: %s has read wrong bytes %d times and failed %d times: %s", name, p.Name, t.Wrong, t.Failed, t.Error)
		}
		s.Reads, s.Wrong, s.Failed = s.Reads+t.Reads, s.Wrong+t.Wrong, s.Failed+t.Failed
		s.Median, s.Late = max(s.Median, t.Median), max(s.Late, t.Late)
		if t.Longest > s.Longest {
			s.Longest, s.by = t.Longest, p.Name
		}
	}
	return s
}

// names returns the hosts of processes.
func names(list []*crowd.Process) (hosts []string) {
	for _, p := range list {
		hosts = append(hosts, p.Name)
	}
	return hosts
}

// TestFaults has 16 members read at random, and all the time one thing or another goes wrong. It waits to be asked for: beside other tests
// it was seen to fail at its very beginning, when one of the members did not get its share in two minutes.
func TestFaults(t *testing.T) {
	if os.Getenv("FAULTS") == "" {
		t.Skip("set FAULTS=1: 18 processes, which need both processors for themselves")
	}
	r := start(t)
	nothing := func() error { return nil }
	calm := r.during("nothing is wrong", 4*time.Second, r.nodes, nothing)
	r.during("the seed is killed", 3*time.Second, r.nodes, r.seed.Kill)
	r.during("a member stalls", 3*time.Second, r.nodes, func() error { return r.false[0].SetFault(crowd.Stalls) })
	r.during("it delivers again", 2*time.Second, r.nodes, func() error { return r.false[0].SetFault(crowd.Honest) })
	r.during("a member lies", 3*time.Second, r.nodes, func() error { return r.false[1].SetFault(crowd.Lies) })
	if r.bans() == 0 {
		t.Error("nobody has found the liar out")
	}
	r.kills(calm)
	r.lines()
	r.split()
	r.leaves()
}

// bans counts by how many members somebody is not believed any more.
func (r *trial) bans() (n int64) {
	for _, p := range r.nodes {
		s, err := p.Status()
		check(r.t, err)
		n += s.Reads.Bans
	}
	r.t.Logf("%d members do not believe the liar any more", n)
	return n
}

// kills kills two holders, one after the other, and starts them again.
func (r *trial) kills(calm sum) {
	for range 2 {
		victim := r.nodes[0]
		r.nodes = r.nodes[1:]
		seen := r.during(victim.Name+" is killed", 3*time.Second, r.nodes, victim.Kill)
		if delay := seen.Longest - calm.Longest; delay > mayDelay && r.judges(seen) {
			r.t.Errorf("%s was killed, and that has delayed a read by %.0f ms", victim.Name, ms(delay))
		}
		again, err := r.crowd.Member(r.t.Context(), victim.Name)
		check(r.t, err)
		check(r.t, again.Open())
		check(r.t, again.Watch(limit, pause))
		r.nodes = append(r.nodes, again)
	}
}

// judges reports whether durations say something: not when this computer has let processes wait for long that had something to do, as
// several of them, one after the other, have a part in a read.
func (r *trial) judges(seen sum) bool {
	if seen.Late > mayDelay/4 {
		r.t.Logf("this computer is too busy to judge that: processes were late by %.0f ms", ms(seen.Late))
		return false
	}
	return true
}

// lines breaks connections and changes lines.
func (r *trial) lines() {
	ctx, some, others := r.t.Context(), names(r.nodes[:4]), r.nodes[4:]
	r.during("all connections of 4 machines are reset", 3*time.Second, r.nodes, func() error { return r.room.Reset(ctx, some...) })
	r.during("lines of 4 machines are halved", 3*time.Second, r.nodes, func() error { return r.room.SetRate(ctx, 50*links.Mbit, some...) })
	r.during("lines are whole again", 2*time.Second, r.nodes, func() error { return r.room.SetRate(ctx, 100*links.Mbit) })
	r.during("lines of 2 machines are cut: the others", 5*time.Second, others, func() error { return r.room.Cut(ctx, some[:2]...) })
	r.during("joined again: all", 8*time.Second, r.nodes, func() error { return r.room.Join(ctx) })
}

// split starts the seed again and splits the room in two. All with the seed can be served; among the others it may take until the room
// is joined that somebody has a chunk.
func (r *trial) split() {
	ctx, with, without := r.t.Context(), r.nodes[:8], r.nodes[8:]
	var err error
	r.seed, err = r.crowd.Seed(ctx, r.seed.Name)
	check(r.t, err)
	r.await(r.nodes, "the seed is known", func(s field.Status) bool {
		for _, m := range s.Members {
			if m.Seed && m.Connected {
				return true
			}
		}
		return false
	})
	seen := r.during("split in two, the half with the seed", 10*time.Second, with, func() error { return r.room.Split(ctx, names(without)...) })
	if seen.Longest > 5*time.Second && r.judges(seen) {
		r.t.Errorf("with the seed within reach, a read took %v", seen.Longest)
	}
	r.during("joined again", 5*time.Second, r.nodes, func() error { return r.room.Join(ctx) })
	r.await(r.nodes, "all know all", func(s field.Status) bool { return len(s.Members) >= members+1 })
}

// leaves has the seed go for good, and a member leave as it should.
func (r *trial) leaves() {
	r.await(r.nodes, "covered again", func(s field.Status) bool { return s.SeedMayGo })
	leaver := r.nodes[0]
	r.nodes = r.nodes[1:]
	r.during(leaver.Name+" leaves", 0, r.nodes, func() error {
		if err := r.seed.Kill(); err != nil {
			return err
		}
		if err := leaver.Leave(); err != nil {
			return err
		}
		return leaver.Stop()
	})
	r.await(r.nodes, "covered without it", func(s field.Status) bool { return s.SeedMayGo })
	r.during("at last", 3*time.Second, r.nodes, func() error { return nil })
}
