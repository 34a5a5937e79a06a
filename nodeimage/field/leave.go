package field

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// handOver is how long a member that leaves waits until as many others hold its chunks as there are to be. It goes after that if others
// hold them at all.
const handOver = 30 * time.Second

// ErrLast is what Leave wraps when the machine holds chunks that nobody else has.
var ErrLast = errors.New("this machine holds chunks that no other holds")

// departure is this member on its way out.
type departure struct {
	begun  time.Time
	answer chan<- error // has room for one; nil: it has been given
}

// replicas returns on how many members, that are no seeds and stay, a chunk is: those that are connected tell that themselves, of others it
// is known when they are complete.
func (c *core) replicas(i *image, index int) (n int) {
	for _, o := range c.owners(i, index) {
		if m := c.nodes[o]; m != nil && m.link == nil && m.Complete == c.view && m.trusted() {
			n++
		}
	}
	for _, m := range c.linked {
		if !m.Seed && !m.Leaving && m.trusted() && m.held[i].Has(index) {
			n++
		}
	}
	if c.leaving == nil && !c.retired && i.table.Has(index) {
		n++
	}
	return n
}

// replicasWanted returns on how many members each chunk is to be: on all, when there are few.
func (c *core) replicasWanted() int { return min(c.config.Replicas, max(1, len(c.nodes))) }

// seeded reports whether there is a seed.
func (c *core) seeded() bool {
	return slices.ContainsFunc(c.linked, func(m *known) bool { return m.Seed && m.trusted() })
}

// seedNeeded says why the seed may not go; "" means that it may.
func (c *core) seedNeeded() string {
	if len(c.nodes) < 2 {
		return fmt.Sprintf("%d machines hold shares: there must be 2 at least", len(c.nodes))
	}
	for _, i := range c.order {
		few := 0
		for index := range i.chunks {
			if c.replicas(i, index) < c.replicasWanted() {
				few++
			}
		}
		if few > 0 {
			return fmt.Sprintf("%d of %d chunks of image %s are on fewer than %d machines", few, i.chunks, i.id, c.replicasWanted())
		}
	}
	return ""
}

// remains is what would be missing if this member went.
type remains struct {
	few    int  // chunks held here that are on too few other machines
	alone  int  // of them those that are on no other machine at all, be it a seed
	to     int  // machines that could take them
	seeded bool // a seed has everything: the others need not hurry
}

// without returns what would be missing if this member went.
func (c *core) without() (r remains) {
	r.seeded = c.seeded()
	for _, m := range c.nodes {
		if m != nil {
			r.to++
		}
	}
	wanted := min(c.config.Replicas, r.to)
	for _, i := range c.order {
		for index := range i.chunks {
			if !i.table.Has(index) {
				continue
			}
			others := c.replicas(i, index)
			if c.leaving == nil && !c.retired {
				others-- // this one
			}
			if others < wanted {
				r.few++
			}
			if others == 0 && !r.seeded {
				r.alone++
			}
		}
	}
	return r
}

// verdict says whether a member may go for whom r is true, which has been leaving for so long; if not yet, wait is true.
func (r remains) verdict(since time.Duration) (wait bool, err error) {
	switch {
	case r.alone == 0 && (r.few == 0 || r.to == 0 || r.seeded || since >= handOver):
		return false, nil
	case r.to > 0 && since < handOver:
		return true, nil
	case r.to == 0:
		return false, fmt.Errorf("%w: %d chunks would be lost, and there is no machine to hand them to: leave with force, or start a seed first", ErrLast, r.alone)
	}
	return false, fmt.Errorf("%w: %d chunks would be lost, the others have not taken them within %s: give them more memory, or leave with force",
		ErrLast, r.alone, handOver)
}

// leave begins to hand over; the answer comes when this member may go, or why it may not.
func (c *core) leave(force bool, answer chan<- error) {
	if force {
		answer <- nil
		return
	}
	if c.leaving != nil && c.leaving.answer == nil { // it has been told already that it may go
		answer <- nil
		return
	}
	if c.leaving != nil {
		answer <- errors.New("field: this machine is leaving already")
		return
	}
	c.leaving = &departure{c.now, answer}
	c.changed = true
}

// depart looks whether this member may go.
func (c *core) depart() {
	if c.leaving == nil || c.leaving.answer == nil || c.changed {
		return
	}
	wait, err := c.without().verdict(c.now.Sub(c.leaving.begun))
	if wait {
		return
	}
	answer := c.leaving.answer
	c.leaving.answer = nil
	if err != nil {
		c.stay()
		err = fmt.Errorf("field: leave: %w", err)
	}
	answer <- err
}

// stay takes leaving back.
func (c *core) stay() {
	c.leaving = nil
	c.changed = true
}
