package field

import (
	"math"
	"slices"
	"time"
)

// tier is how good it is to ask a member. A lower one is asked first.
type tier int

const (
	tierPinned tier = iota // a rule says that the chunk comes from it
	tierHolder             // it has the chunk
	tierOwner              // it is to have the chunk, and gets it from the seed for all
	tierSeed               // it has everything, and everybody could ask it
	tierLast               // it is drained, or not believed any more, or stalls
)

// option is a member that could be asked.
type option struct {
	member *known
	tier   tier
	waits  bool // it does not have the chunk yet
	full   bool // it is asked for enough already
	cost   float64
}

// much is how much longer a member may take that has room than one that has none, until the latter is waited for.
const much = 4

// pick returns which option to take, and -1 to wait: of the members of the best tier that are not full, the better of two that
// are drawn by lot (Mitzenmacher 1996), unless a full one is so much better that it is worth waiting for. random(n) returns a number
// from 0 to n-1.
func pick(options []option, random func(int) int) int {
	best := tierLast + 1
	for _, o := range options {
		best = min(best, o.tier)
	}
	var free [64]int
	n, busy := 0, math.Inf(1)
	for i, o := range options {
		switch {
		case o.tier != best:
		case o.full:
			busy = min(busy, o.cost)
		case n < len(free):
			free[n] = i
			n++
		}
	}
	if n == 0 {
		return -1
	}
	first := random(n)
	chosen := free[first]
	if n > 1 {
		other := free[(first+1+random(n-1))%n]
		if options[other].cost < options[chosen].cost {
			chosen = other
		}
	}
	if options[chosen].cost > much*busy {
		return -1
	}
	return chosen
}

// options returns who could be asked for the chunk of a flight now.
func (c *core) options(f *flight) []option {
	list := c.scratch[:0]
	most := c.window()
	if f.class == classDemand {
		most *= 2
	}
	pinned := f.image.pinned(f.index)
	owner := c.firstOwner(f)
	for _, m := range c.linked {
		if c.excluded(f, m) {
			continue
		}
		o := option{member: m, full: m.outstanding >= most, cost: m.cost()}
		holds := m.holds(f.image, f.index)
		switch {
		case !holds && m == owner:
			o.tier, o.waits, o.full = tierOwner, true, m.waiting >= 2*most
		case !holds:
			continue
		case m.wish.drained || m.banned != "" || m.suspect:
			o.tier = tierLast
		case slices.Contains(pinned, m.Name):
			o.tier = tierPinned
		case m.Seed:
			o.tier = tierSeed
		default:
			o.tier = tierHolder
		}
		list = append(list, o)
	}
	c.scratch = list
	return list
}

// excluded reports whether a member is not to be asked for the chunk of a flight now: it is being asked, or has failed just before.
func (c *core) excluded(f *flight, m *known) bool {
	for _, a := range f.attempts {
		if a.member == m {
			return true
		}
	}
	t, tried := f.tried[m]
	return tried && (c.now.Before(t.until) || t.wrong > 1)
}

// firstOwner returns the connected member that is to get the chunk of a flight for all; nil: there is none, this member is it
// itself, or it did not do so in time. Only owners that stand before this member are asked to get something, so that nobody waits
// for somebody who waits for him.
func (c *core) firstOwner(f *flight) *known {
	if f.direct {
		return nil
	}
	for _, o := range c.owners(f.image, f.index) {
		m := c.nodes[o]
		if m == nil {
			return nil
		}
		if m.link != nil && m.banned == "" && !m.suspect && !m.wish.drained && !c.excluded(f, m) {
			return m
		}
	}
	return nil
}

// window is how many chunks one member may be asked for at once: with few members much from each, with many little.
func (c *core) window() int {
	return min(max(4, 64/max(1, len(c.linked))), 32)
}

// patience is for how long a chunk that nobody will need at once is left to those who are to hold it: what they have got can be had
// from several.
const patience = 150 * time.Millisecond

// dispatch asks members for chunks, the most urgent first, as far as members are not asked for enough already.
func (c *core) dispatch() {
	for urgency := range c.pending {
		kept := c.pending[urgency][:0]
		for _, f := range c.pending[urgency] {
			if f.class != class(urgency) {
				continue // it is in another list
			}
			if f.over || len(f.attempts) > 0 && !f.stalled() || c.launch(f, false) {
				f.queued = false // it comes back when the attempt fails or stalls
				continue
			}
			kept = append(kept, f)
		}
		clear(c.pending[urgency][len(kept):])
		c.pending[urgency] = kept
	}
}

// launch asks one more member for the chunk of a flight, if there is one.
func (c *core) launch(f *flight, hedge bool) bool {
	options := c.options(f)
	at := pick(options, c.random)
	if at < 0 {
		if len(options) == 0 && f.class == classDemand {
			c.reach(f)
		}
		return false
	}
	o := options[at]
	if hedge && o.waits {
		return false
	}
	if o.waits && f.class != classDemand && c.now.Sub(f.begun) < patience && c.rank(f.image, f.index) < 0 {
		return false
	}
	a := &attempt{flight: f, member: o.member, link: o.member.link, started: c.now, since: c.now, waits: o.waits, hedge: hedge}
	f.attempts = append(f.attempts, a)
	if a.waits {
		o.member.waiting++
	} else {
		o.member.outstanding++
	}
	c.do.fetch(a)
	return true
}

// stalled reports whether all who are asked have stalled.
func (f *flight) stalled() bool {
	for _, a := range f.attempts {
		if !a.stalled {
			return false
		}
	}
	return true
}
