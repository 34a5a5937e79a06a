package field

import (
	"fmt"
	"slices"
	"time"
)

const (
	// ownerPatience is how long a member may take to get a chunk, as long as it shows that it lives: it says no when it cannot, and when
	// all are busy it would make that worse to ask the seed as well. After shortestPatience that is done for a few.
	ownerPatience, shortestPatience = 30 * time.Second, time.Second
	// silence is for how long a member may deliver nothing, while it is asked, until its link is given up.
	silence = 5 * time.Second
	// refusal is how long another member's read is tried until it is refused.
	refusal = 200 * time.Millisecond
	// firstHedge is when a second member is asked as long as nothing is known of how long chunks take, and shortestHedge the earliest.
	firstHedge, shortestHedge = 100 * time.Millisecond, 50 * time.Millisecond
	// hedgeShare is how many more requests than needed there may be; hedgeBurst how many hedges at once.
	hedgeShare, hedgeBurst = 0.05, 4
	// spareBurst is how many chunks at once may be asked for again after a stall: those that one member was asked for. After that as many
	// as hedges, and the others later: when lines or machines are overloaded all seem to stall, and asking again adds to the load.
	spareBurst = 32
	// drowsy is how much too late a tick may come until what happened meanwhile is taken not to have been noticed.
	drowsy = 100 * time.Millisecond
	// sampling is how often the coverage is noted, and samples how many are kept.
	sampling, samples = 5 * time.Second, 360
)

// tick does what follows from time. It reports whether that is to be looked at more often than at rest.
func (c *core) tick() (busy bool) {
	passed := c.now.Sub(c.ticked)
	c.ticked = c.now
	if passed > restTick+drowsy || c.busy && passed > busyTick+drowsy {
		c.awake = c.now
	}
	for _, m := range c.linked {
		if received := m.link.Received(); received != m.received {
			m.received, m.heard, m.data, m.suspect = received, c.now, c.now, false
		}
		m.forget(c.now)
	}
	for _, m := range slices.Clone(c.linked) {
		c.bury(m)
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
		switch quiet := c.quietFor(a); {
		case a.stalled && c.now.Sub(later(a.since, a.member.heard)) >= silence:
			c.lost(a.member, a.link, fmt.Errorf("nothing has come for %s", silence))
		case a.stalled:
		case quiet >= much*c.config.Stall || a.waits && c.now.Sub(a.started) >= ownerPatience:
			c.stall(a)
		case a.waits && f.class == classDemand && c.hedges >= 1 && c.now.Sub(a.started) >= max(shortestPatience, 2*c.times.p95):
			c.hedges--
			c.stall(a)
		case quiet >= c.config.Stall && f.class == classDemand && c.spares >= 1:
			c.spares--
			c.stall(a)
		case f.class == classDemand && len(f.attempts) == 1 && !a.waits && c.now.Sub(a.since) >= c.times.hedge():
			c.hedge(f)
		}
	}
	c.refuse(f)
}

// quietFor returns for how long an attempt's member has delivered nothing or, if it has to get the chunk first, given no sign of life. What
// this machine could not notice because it was too busy does not count.
func (c *core) quietFor(a *attempt) time.Duration {
	since := later(a.since, c.awake)
	if a.waits {
		return c.now.Sub(later(since, a.member.heard))
	}
	return c.now.Sub(later(since, a.member.data))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// stall notes that a member does not deliver; the next is asked as well. The member is suspect until something comes from it.
func (c *core) stall(a *attempt) {
	a.stalled = true
	c.reads.Stalls++
	a.member.failures++
	a.member.suspect = true
	a.flight.direct = a.flight.direct || a.waits
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
	if c.now.Sub(f.idle) < refusal || len(c.options(f)) > 0 {
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
