package field

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"viver/nodeimage/field/placement"
	"viver/nodeimage/spec"
)

// doer does what core decides. Its methods return at once; what comes of it are events.
type doer interface {
	// dial connects to a member; dialed follows.
	dial(m *known, generation int)
	// fetch asks for a chunk and verifies it; landed follows.
	fetch(a *attempt)
	// close ends a link.
	close(link Link)
	// announce says that what is held has changed.
	announce()
}

// core is all that a member knows, and decides. It belongs to one goroutine; its methods neither wait nor do I/O. Before each is called,
// now is set; after one or several, settle is to be called.
type core struct {
	config Config
	do     doer
	random func(n int) int
	now    time.Time

	members map[MemberID]*known
	linked  []*known // those that are connected, by ID
	images  map[spec.Digest]*image
	order   []*image // first those that run somewhere, then by ID
	pins    []spec.Pin
	wishes  map[string]wish // by name
	leaving *departure
	retired bool // this member is to hold no share, but stays

	plan    placement.Plan
	nodes   []*known // those that hold shares, as in plan; nil is this member itself
	self    int      // its index in nodes; -1: it holds no share
	view    uint64   // names plan: those who know of the same nodes and images have the same
	changed bool     // plan does not fit what is known any more

	pending  [classShare + 1][]*flight
	stirred  bool // there may be more to dispatch
	busy     bool // there are flights, or there is something else that needs a close look at the time
	demanded time.Time
	allowed  float64 // bytes of the share that may be fetched
	ticked   time.Time
	scratch  []option

	memory  memory
	reads   Reads
	times   times
	hedges  float64   // how many may be done
	spares  float64   // how many chunks may be asked for again after a stall
	awake   time.Time // since when nothing has escaped this machine's notice
	sampled time.Time
}

func newCore(config Config, do doer, random func(int) int, now time.Time) *core {
	c := &core{
		config: config, do: do, random: random, now: now, self: -1, changed: true, hedges: 1, spares: spareBurst, ticked: now, demanded: now,
		members: make(map[MemberID]*known), images: make(map[spec.Digest]*image),
		wishes: make(map[string]wish),
	}
	c.memory.limit = config.Cache
	for name, factor := range config.Prefer {
		c.wishes[name] = wish{preferred: factor}
	}
	return c
}

// settle does what follows from the events since it was last called.
func (c *core) settle() {
	if c.changed {
		c.changed = false
		c.replan()
		c.connect()
	}
	if c.stirred {
		c.stirred = false
		c.dispatch()
	}
}

// replan computes who is to hold what.
func (c *core) replan() {
	c.number()
	c.nodes = c.nodes[:0]
	for _, m := range c.members {
		if m.alive && !m.Seed && !m.Leaving && m.Share >= spec.ChunkSize {
			c.nodes = append(c.nodes, m)
		}
	}
	slices.SortFunc(c.nodes, func(a, b *known) int { return cmp.Compare(a.ID, b.ID) })
	me, nodes := c.config.Self, make([]placement.Node, 0, len(c.nodes)+1)
	for _, m := range c.nodes {
		nodes = append(nodes, placement.Node{Key: m.key, Slots: int(m.Share / spec.ChunkSize)})
	}
	c.self = -1
	if me.Share >= spec.ChunkSize && !me.Seed && c.leaving == nil && !c.retired {
		at, _ := slices.BinarySearchFunc(c.nodes, me.ID, func(m *known, id MemberID) int { return cmp.Compare(m.ID, id) })
		c.self, c.nodes = at, slices.Insert(c.nodes, at, (*known)(nil))
		nodes = slices.Insert(nodes, at, placement.Node{Key: placement.Key(string(me.ID)), Slots: int(me.Share / spec.ChunkSize)})
	}
	images := make([]placement.Image, 0, len(c.order))
	for _, i := range c.order {
		images = append(images, placement.Image{Key: i.key, Chunks: i.chunks, Running: i.running})
	}
	c.plan = placement.Assign(nodes, images, c.config.Replicas)
	c.view = placement.Key(fmt.Sprint(nodes, images, c.config.Replicas))
	c.divide()
	c.stirred = true
}

// owners returns the indices in nodes of those that are to hold a chunk.
func (c *core) owners(i *image, index int) []uint16 { return c.plan.Owners(i.number, index) }

// rank returns which owner of a chunk this member is, 0 for the first; -1: it is none.
func (c *core) rank(i *image, index int) int {
	if c.self < 0 {
		return -1
	}
	return c.plan.Rank(i.number, index, c.self)
}

// connect dials the members that this one is to be connected to, as far as it is time.
func (c *core) connect() {
	near := c.neighbours()
	for _, m := range near {
		c.dial(m)
	}
	if len(c.linked) <= len(near) {
		return
	}
	for _, m := range slices.Clone(c.linked) {
		if m.outstanding+m.waiting == 0 && c.now.Sub(later(m.data, m.linked)) > unused && !slices.Contains(near, m) {
			c.unlink(m)
		}
	}
}

// unused is after how long without a delivery a link to a member is closed that this one need not be connected to.
const unused = 30 * time.Second

// dial connects to a member, unless that is so, or is not to be tried yet.
func (c *core) dial(m *known) {
	if m.link == nil && !m.dialing && !c.now.Before(m.until) {
		m.dialing = true
		c.do.dial(m, m.generation)
	}
}

// reach dials the owners of a chunk that no member has which is connected.
func (c *core) reach(f *flight) {
	for _, o := range c.owners(f.image, f.index) {
		if m := c.nodes[o]; m != nil {
			c.dial(m)
		}
	}
}

// neighbours returns the members that this one is to be connected to: all seeds, and those members with which the pair has the
// lowest number, which is the same seen from both sides.
func (c *core) neighbours() []*known {
	var list, others []*known
	for _, m := range c.members {
		switch {
		case !m.alive:
		case m.Seed:
			list = append(list, m)
		default:
			others = append(others, m)
		}
	}
	if len(others) > c.config.MaxPeers {
		me := placement.Key(string(c.config.Self.ID))
		slices.SortFunc(others, func(a, b *known) int { return cmp.Compare(pairKey(me, a.key), pairKey(me, b.key)) })
		others = others[:c.config.MaxPeers]
	}
	return append(list, others...)
}

func pairKey(a, b uint64) uint64 { return (a ^ b) * 0x9e3779b97f4a7c15 }
