package field

import (
	"cmp"
	"slices"
	"time"

	"viver/nodeimage/field/placement"
	"viver/nodeimage/spec"
)

// The pause before a member is dialed again: firstPause after a first failure, doubled each time up to longestPause.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// forgetting is after how long it begins to be forgotten that a member was slow.
const forgetting = 5 * time.Second

// firstPace is how long a chunk is taken to need from a member of which nothing is known.
const firstPace = 20 * time.Millisecond

// wish is what was said of a machine by hand. It is bound to the name, and so outlives the machine's lives.
type wish struct {
	drained   bool
	preferred float64
}

// known is what this member knows of another.
type known struct {
	Member
	key     uint64
	alive   bool // it is a member now; false: only that it is not to be believed is remembered
	doubted bool // it is said to be dead

	link       Link // nil: not connected
	dialing    bool
	generation int // of links: what comes of former ones is ignored
	pause      time.Duration
	until      time.Time // it is not dialed before

	held        map[*image]Bits
	unknown     map[spec.Digest]Bits // of images that this member does not have, yet
	heard       time.Time            // when it last gave a sign of life
	data        time.Time            // when it last delivered something
	linked      time.Time            // when the link was made
	received    int64                // by the link, when last looked at
	outstanding int                  // chunks that it is to deliver
	waiting     int                  // chunks that it is to get first
	pace        time.Duration        // how long a chunk takes, on average of late; 0: unknown
	paced       time.Time            // when that was last looked at
	suspect     bool                 // it has stalled, and delivered nothing since

	reading bool // it says that it reads
	wish    wish
	banned  string // why it is not believed any more; "": it is

	bytes     int64
	failures  int
	lastError string
}

// holds reports whether the member has a chunk at hand, as far as is known.
func (m *known) holds(i *image, chunk int) bool { return m.Seed || m.held[i].Has(chunk) }

// trusted reports whether the member counts as a place where chunks are.
func (m *known) trusted() bool { return m.alive && !m.doubted && m.banned == "" }

// delivered notes how long a chunk took.
func (m *known) delivered(now time.Time, took time.Duration) {
	if m.pace == 0 {
		m.pace = took
	}
	m.pace += (took - m.pace) / 8
	m.suspect, m.paced = false, now
}

// forget lets a member that has not been asked for long look better, so that it is tried again.
func (m *known) forget(now time.Time) {
	if m.outstanding == 0 && m.pace > firstPace && now.Sub(m.paced) > forgetting {
		m.pace, m.paced = m.pace/2, now
	}
}

// cost says how unattractive it is to ask the member for one more chunk: how long it will probably take.
func (m *known) cost() float64 {
	return float64(cmp.Or(m.pace, firstPace)) * float64(1+m.outstanding+m.waiting) / m.wish.preferred
}

// fail notes that a link could not be made or was lost.
func (m *known) fail(now time.Time, why error) {
	m.pause = min(max(firstPause, 2*m.pause), longestPause)
	m.until = now.Add(m.pause)
	m.failures++
	m.lastError = why.Error()
}

// member returns what is known of the member with this ID, which may be nothing yet.
func (c *core) member(id MemberID) *known {
	m := c.members[id]
	if m == nil {
		m = &known{
			Member: Member{ID: id}, key: placement.Key(string(id)), wish: wish{preferred: 1}, held: make(map[*image]Bits), unknown: make(map[spec.Digest]Bits),
		}
		c.members[id] = m
	}
	return m
}

// up takes a member in, or learns what has changed of it.
func (c *core) up(told Member) {
	if told.ID == c.config.Self.ID {
		return
	}
	m := c.member(told.ID)
	moved := m.alive && (m.Blocks != told.Blocks || m.Control != told.Control)
	c.changed = c.changed || moved || !m.alive || m.Share != told.Share || m.Seed != told.Seed || m.Leaving != told.Leaving ||
		m.Runs != told.Runs
	m.alive, m.doubted, m.Member, m.pause, m.until = true, false, told, 0, time.Time{}
	if w, ok := c.wishes[m.Name]; ok {
		m.wish = w
	}
	if moved {
		c.unlink(m)
	}
}

// doubt is for how long a member that is said to be dead must have been silent until that is believed: a machine that is only slow can
// look dead for a moment, and to give up what is under way from it would make others slow.
const doubt = 2500 * time.Millisecond

// down notes that a member is said to be no more.
func (c *core) down(id MemberID) {
	if m := c.members[id]; m != nil {
		m.doubted = true
		c.bury(m)
	}
}

// bury forgets a member that is said to be dead, and is silent or said itself that it goes. That it is not to be believed is not
// forgotten: it may only have been cut off.
func (c *core) bury(m *known) {
	if !m.doubted || m.link != nil && !m.Leaving && c.now.Sub(m.heard) < doubt {
		return
	}
	m.alive, m.doubted = false, false
	c.unlink(m)
	if m.banned == "" {
		delete(c.members, m.ID)
	}
	c.changed = true
}

// unlink gives a link up. What was under way over it ends by itself, with an error.
func (c *core) unlink(m *known) {
	m.generation++
	m.dialing, m.reading = false, false
	if m.link != nil {
		c.do.close(m.link)
		m.link = nil
	}
	clear(m.held)
	clear(m.unknown)
	c.relink()
}

// dialed takes a link, or notes why there is none.
func (c *core) dialed(m *known, generation int, link Link, err error) {
	if m.generation != generation {
		if link != nil {
			c.do.close(link)
		}
		return
	}
	m.dialing = false
	if err != nil {
		if m.pause < longestPause { // later failures say the same
			c.config.Log.Warn("a member cannot be reached", "member", m.Name, "error", err)
		}
		m.fail(c.now, err)
		return
	}
	m.link, m.received, m.heard, m.linked, m.suspect = link, 0, c.now, c.now, false
	c.relink()
	c.stirred = true
}

// lost notes that a link has broken.
func (c *core) lost(m *known, link Link, why error) {
	if m.link != link {
		return
	}
	c.config.Log.Warn("connection to a member lost", "member", m.Name, "error", why)
	m.fail(c.now, why)
	c.unlink(m)
	c.bury(m)
}

// relink notes that the set of connected members has changed.
func (c *core) relink() {
	c.linked = c.linked[:0]
	for _, m := range c.members {
		if m.link != nil {
			c.linked = append(c.linked, m)
		}
	}
	slices.SortFunc(c.linked, func(a, b *known) int { return cmp.Compare(a.ID, b.ID) })
}

// told takes what a member says over the link of this generation.
func (c *core) told(m *known, generation int, msg Message) {
	if m.generation != generation {
		return
	}
	m.heard, m.pause = c.now, 0
	switch {
	case msg.Held != nil:
		c.hold(m, msg.Held.Image, msg.Held.Chunks)
	case msg.Delta != nil:
		c.delta(m, msg.Delta)
	case msg.Load != nil:
		m.reading = msg.Load.Reading
		c.changed = c.changed || m.Leaving != msg.Load.Leaving
		m.Leaving = msg.Load.Leaving
	}
}

// maxUnknown is of how many images that this member does not have is remembered who holds what.
const maxUnknown = 16

// hold notes what a member holds of an image; nothing, if it has dropped the image.
func (c *core) hold(m *known, id spec.Digest, chunks Bits) {
	if i := c.images[id]; i != nil {
		m.held[i] = chunks.resize(i.chunks)
		c.came(m, i)
	} else if len(chunks) == 0 {
		delete(m.unknown, id)
	} else if m.unknown[id] != nil || len(m.unknown) < maxUnknown {
		m.unknown[id] = chunks
	}
}

func (c *core) delta(m *known, d *Delta) {
	i := c.images[d.Image]
	bits := m.unknown[d.Image]
	if i != nil {
		bits = m.held[i]
	}
	for _, chunk := range d.Came {
		bits.Set(int(chunk), true)
	}
	for _, chunk := range d.Went {
		bits.Set(int(chunk), false)
	}
	if i != nil {
		c.came(m, i)
	}
}

// came lets attempts that wait for the member to get a chunk count as deliveries once it holds it.
func (c *core) came(m *known, i *image) {
	for _, f := range i.flights {
		for _, a := range f.attempts {
			if a.member == m && a.waits && m.held[i].Has(f.index) {
				a.waits, a.since = false, c.now
				m.waiting--
				m.outstanding++
			}
		}
	}
	c.stirred = true
}
