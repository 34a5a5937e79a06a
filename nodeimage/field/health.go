package field

import (
	"fmt"
	"slices"
	"time"
)

const (
	// ownerPatience is how long a member may take to get a chunk, as long as it shows that it lives.
	ownerPatience = 3 * time.Second
	// silence is for how long a member may deliver nothing, while it is asked, until its link is given up.
	silence = 5 * time.Second
	// refusal is how long another member's read is tried until it is refused.
	refusal = 200 * time.Millisecond
	// firstHedge is when a second member is asked as long as nothing is known of how long chunks take, and shortestHedge the earliest.
	firstHedge, shortestHedge = 100 * time.Millisecond, 50 * time.Millisecond
	// hedgeShare is how many more requests than needed there may be; hedgeBurst how many hedges at once.
	hedgeShare, hedgeBurst = 0.05, 4
	// sampling is how often the coverage is noted, and samples how many are kept.
	sampling, samples = 5 * time.Second, 360
)

// tick does what follows from time. It reports whether that is to be looked at more often than at rest.
func (c *core) tick() (busy bool) {
	passed := c.now.Sub(c.ticked)
	c.ticked = c.now
	for _, m := range c.linked {
		if received := m.link.Received(); received != m.received {
			m.received, m.heard, m.data, m.suspect = received, c.now, c.now, false
		}
		m.forget(c.now)
	}
	for _, i := range c.order {
		for _, f := range i.flights {
			c.watch(f)
			busy = true
		}
	}
	c.connect()
	c.depart()
	c.fetchShare(passed)
	c.sample()
	c.stirred = c.stirred || busy
	return busy || c.leaving != nil
}

// watch looks after a flight: who has stalled, and whether one more is to be asked.
func (c *core) watch(f *flight) {
	for _, a := range slices.Clone(f.attempts) {
		quiet := c.now.Sub(later(a.since, a.member.data))
		late := a.waits && (c.now.Sub(later(a.since, a.member.heard)) >= c.config.Stall || c.now.Sub(a.started) >= ownerPatience)
		if a.waits {
			quiet = 0
		}
		switch {
		case a.stalled && c.now.Sub(later(a.since, a.member.heard)) >= silence:
			c.lost(a.member, a.link, fmt.Errorf("nothing has come for %s", silence))
		case !a.stalled && (late || quiet >= c.config.Stall):
			c.stall(a)
		case !a.stalled && f.class == classDemand && len(f.attempts) == 1 && !a.waits && c.now.Sub(a.since) >= c.times.hedge():
			c.hedge(f)
		}
	}
	c.refuse(f)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// stall notes that a member does not deliver; the next is asked as well.
func (c *core) stall(a *attempt) {
	a.stalled = true
	c.reads.Stalls++
	a.member.failures++
	if a.waits {
		a.flight.direct = true
	} else {
		a.member.suspect = true
	}
	c.queue(a.flight)
}

// hedge asks a second member for a chunk that is late, if that has not been done too often.
func (c *core) hedge(f *flight) {
	if c.hedges >= 1 && c.launch(f, true) {
		c.hedges--
		c.reads.Hedges++
	}
}

// refuse answers the reads that cannot be done: those of other members when nobody can be asked now, as they may know somebody; and
// all when everybody has delivered wrong bytes again and again.
func (c *core) refuse(f *flight) {
	if len(f.attempts) > 0 {
		return
	}
	if c.corrupt(f) {
		c.finish(f, nil, fmt.Errorf("field: read chunk %d of image %s: %w", f.index, f.image.id, ErrCorrupt))
		return
	}
	if c.now.Sub(f.idle) < refusal {
		return
	}
	f.direct = false
	c.reach(f)
	f.waiters = slices.DeleteFunc(f.waiters, func(w *waiter) bool {
		if w.peer {
			w.answer(nil, ErrNowhere)
		}
		return w.peer
	})
}

// corrupt reports whether everybody who has the chunk of a flight, and is connected or could be, has delivered wrong bytes twice.
func (c *core) corrupt(f *flight) bool {
	wrong := 0
	for _, m := range c.members {
		switch {
		case f.tried[m].wrong > 1:
			wrong++
		case m.alive && (m.link == nil || m.holds(f.image, f.index)):
			return false
		}
	}
	return wrong > 0
}

// sample notes the coverage.
func (c *core) sample() {
	if c.now.Sub(c.sampled) < sampling {
		return
	}
	c.sampled = c.now
	c.times.measure()
	for _, i := range c.order {
		if len(i.coverage) == samples {
			i.coverage = slices.Delete(i.coverage, 0, 1)
		}
		well := 0
		for index := range i.chunks {
			if c.replicas(i, index) >= c.replicasWanted() {
				well++
			}
		}
		i.coverage = append(i.coverage, Coverage{c.now, float64(well) / float64(i.chunks)})
	}
}
