package field

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"viver/nodeimage/field/store"
)

// Why a read fails.
var (
	// ErrClosed is what is answered after Close.
	ErrClosed = errors.New("field: closed")
	// ErrCorrupt says that every member that has the chunk has delivered wrong bytes, twice.
	ErrCorrupt = errors.New("every member has delivered wrong bytes")
	// ErrNowhere is for other members only: the chunk is not here, and there is nobody to get it from at this moment.
	ErrNowhere = errors.New("the chunk is not here, and nobody can be asked for it now")

	errWrong = errors.New("the bytes do not have the digest that the manifest says")
)

// class is how urgent a chunk is. A lower one goes first.
type class int

const (
	classDemand class = iota // somebody waits
	classAhead               // somebody will probably ask soon
	classShare               // it belongs to the share
)

// flight is a chunk on its way here. There is one for a chunk at most.
type flight struct {
	image    *image
	index    int
	class    class
	begun    time.Time
	waiters  []*waiter
	attempts []*attempt
	tried    map[*known]trial
	idle     time.Time // since when nobody is asked
	direct   bool      // an owner did not get it in time: the seed is asked
	queued   bool      // it is in the list of those that somebody is to be asked for
	over     bool
}

// trial is how a member did when it was asked for the chunk of a flight.
type trial struct {
	pause time.Duration
	until time.Time // it is not asked again before
	wrong int       // how often it has delivered wrong bytes
}

// attempt is one member being asked for the chunk of a flight.
type attempt struct {
	flight  *flight
	member  *known
	link    Link
	started time.Time
	since   time.Time // when it began, or when the member got the chunk
	waits   bool      // the member has to get the chunk first
	hedge   bool
	stalled bool
}

// waiter is a read that waits for a chunk. It is answered once, unless it has been given up before.
type waiter struct {
	index int
	peer  bool // it is another member's
	state atomic.Int32
	done  chan answer // has room for one
}

// answer is a chunk with a reference for the waiter, or why there is none.
type answer struct {
	chunk *store.Chunk
	err   error
}

// States of a waiter.
const (
	waits int32 = iota
	answered
	givenUp
)

func newWaiter(index int, peer bool) *waiter {
	return &waiter{index: index, peer: peer, done: make(chan answer, 1)}
}

// answer hands over a chunk, or an error when chunk is nil.
func (w *waiter) answer(chunk *store.Chunk, err error) {
	if !w.state.CompareAndSwap(waits, answered) {
		return
	}
	if chunk != nil {
		chunk.Retain()
	}
	w.done <- answer{chunk, err}
}

// giveUp ends the waiting. The answer may have come in this very moment.
func (w *waiter) giveUp() {
	if w.state.CompareAndSwap(waits, givenUp) {
		return
	}
	if a := <-w.done; a.chunk != nil {
		a.chunk.Release()
	}
}

// want begins a flight, or makes one that there is more urgent. It returns nil when the chunk is here already.
func (c *core) want(i *image, index int, urgency class) *flight {
	if index < 0 || index >= i.chunks || c.images[i.id] != i || i.table.Has(index) {
		return nil
	}
	f := i.flights[index]
	if f == nil {
		f = &flight{image: i, index: index, class: urgency, begun: c.now, idle: c.now, tried: make(map[*known]trial)}
		i.flights[index] = f
		c.queue(f)
	} else if urgency < f.class {
		f.class, f.queued = urgency, false // dispatch takes it out of the list where it was
		c.queue(f)
	}
	return f
}

// queue enters a flight among those that somebody is to be asked for.
func (c *core) queue(f *flight) {
	if !f.queued && !f.over {
		f.queued = true
		c.pending[f.class] = append(c.pending[f.class], f)
	}
	c.stirred, c.busy = true, true
}

// wanted lets reads wait for chunks.
func (c *core) wanted(i *image, waiters []*waiter) {
	if c.images[i.id] != i {
		for _, w := range waiters {
			w.answer(nil, ErrClosed)
		}
		return
	}
	for _, w := range waiters {
		if w.peer && c.rank(i, w.index) < 0 && i.flights[w.index] == nil && !i.table.Has(w.index) {
			w.answer(nil, ErrNowhere)
			continue
		}
		f := c.want(i, w.index, classDemand)
		if f == nil {
			chunk := i.table.Get(w.index)
			w.answer(chunk, nil)
			chunk.Release()
			continue
		}
		f.waiters = append(f.waiters, w)
		if !w.peer {
			c.demanded = c.now
		}
	}
}

// landed takes what an attempt brought. The chunk is released here.
func (c *core) landed(a *attempt, chunk *store.Chunk, err error) {
	f, m := a.flight, a.member
	f.attempts = slices.DeleteFunc(f.attempts, func(other *attempt) bool { return other == a })
	if a.waits {
		m.waiting--
	} else {
		m.outstanding--
	}
	if err != nil {
		c.failed(a, err)
		return
	}
	defer chunk.Release()
	took := c.now.Sub(a.since)
	m.heard, m.data = c.now, c.now
	m.delivered(c.now, took)
	m.bytes += int64(len(chunk.Data()))
	c.count(m, int64(len(chunk.Data())), f.over)
	if f.over {
		return
	}
	if a.hedge {
		c.reads.HedgeWins++
	}
	if f.class == classDemand {
		c.tookDemand(c.now.Sub(a.started))
	}
	c.keep(f.image, f.index, chunk, m.Name)
	c.finish(f, chunk, nil)
}

func (c *core) count(m *known, bytes int64, twice bool) {
	if twice {
		c.reads.Wasted += bytes
	}
	if m.Seed {
		c.reads.FromSeeds += bytes
	} else {
		c.reads.FromNodes += bytes
	}
}

// finish ends a flight.
func (c *core) finish(f *flight, chunk *store.Chunk, err error) {
	f.over = true
	delete(f.image.flights, f.index)
	for _, w := range f.waiters {
		w.answer(chunk, err)
	}
	f.waiters = nil
	c.stirred = true
}

// failed notes why an attempt brought nothing; the flight goes on with the next member.
func (c *core) failed(a *attempt, err error) {
	f, m := a.flight, a.member
	f.idle = c.now
	t := f.tried[m]
	t.pause = min(max(firstPause, 2*t.pause), longestPause)
	t.until = c.now.Add(t.pause)
	switch {
	case errors.Is(err, errWrong):
		t.wrong++
		c.reads.Wasted += f.image.length(f.index)
		c.ban(m, fmt.Sprintf("it delivered wrong bytes for chunk %d of image %s", f.index, f.image.id))
	case errors.Is(err, ErrRefused):
		m.held[f.image].Set(f.index, false)
		m.failures++
		m.lastError = err.Error()
		f.direct = f.direct || a.waits
	case errors.Is(err, errNoMemory):
		t = trial{until: c.now.Add(firstPause)}
		c.config.Log.Error("no memory for a chunk", "error", err)
	default: // the link is lost: another may be made, and who was asked may have got the chunk for nobody
		t.until = c.now
		f.direct = f.direct || a.waits
		c.lost(m, a.link, err)
	}
	f.tried[m] = t
	c.queue(f)
}

// ban ends the trust in a member, for as long as it lives.
func (c *core) ban(m *known, why string) {
	if m.banned != "" {
		return
	}
	m.banned = why
	c.reads.Bans++
	c.config.Log.Error("a member is not believed any more", "member", m.Name, "address", m.Blocks, "reason", why)
}
