package field_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// packet is how many bytes pass a line at once in a simulation; window how many packets are on their way at most.
const packet, window = 32 << 10, 8

// room is a simulated room: machines with a line each to one switch.
type room struct {
	t       *testing.T
	image   spec.Digest
	root    spec.Root
	data    []byte
	delay   time.Duration
	nodes   []*node // the seed first
	mu      sync.Mutex
	blocked map[[2]*node]bool
}

// node is a machine of a room.
type node struct {
	room   *room
	member field.Member
	up     pipe
	down   pipe
	field  *field.Field // nil: it is a seed
	image  *field.Image

	mu      sync.Mutex
	lies    bool
	stalls  bool // it does not answer reads, but lives
	links   []*link
	sent    int64
	refused int
}

// pipe is one direction of a line.
type pipe struct {
	mu   sync.Mutex
	rate float64 // bytes a second
	free time.Time
}

// pass waits until so many bytes have passed.
func (p *pipe) pass(bytes int) {
	p.mu.Lock()
	start := time.Now()
	if p.free.After(start) {
		start = p.free
	}
	p.free = start.Add(time.Duration(float64(bytes) / p.rate * float64(time.Second)))
	until := p.free
	p.mu.Unlock()
	time.Sleep(time.Until(until))
}

// newRoom makes an image of so many chunks and a seed that has it. rate is that of each line, in bytes a second.
func newRoom(t *testing.T, chunks int, rate float64) *room {
	r := &room{t: t, delay: 500 * time.Microsecond, blocked: make(map[[2]*node]bool)}
	r.data = make([]byte, chunks*spec.ChunkSize-4096)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(r.data)
	r.root.Size = int64(len(r.data))
	for off := 0; off < len(r.data); off += spec.ChunkSize {
		r.root.Chunks = append(r.root.Chunks, spec.DigestOf(r.data[off:min(off+spec.ChunkSize, len(r.data))]))
	}
	r.image = spec.DigestOf([]byte(t.Name()))
	r.add("seed", rate, field.Config{Self: field.Member{Seed: true}})
	return r
}

// add brings a machine into the room; the others know it at once.
func (r *room) add(name string, rate float64, config field.Config) *node {
	n := &node{room: r, member: config.Self}
	n.up.rate, n.down.rate = rate, rate
	n.member.ID, n.member.Name = field.MemberID(name+"/1"), name
	config.Self, config.Peers = n.member, n
	if !n.member.Seed {
		var err error
		if n.field, err = field.Open(config); err != nil {
			r.t.Fatal(err)
		}
		if n.image, err = n.field.Add(r.image, r.root); err != nil {
			r.t.Fatal(err)
		}
	}
	r.mu.Lock()
	others := r.nodes
	r.nodes = append(r.nodes, n)
	r.mu.Unlock()
	for _, other := range others {
		other.learn(n)
		n.learn(other)
	}
	return n
}

// fill adds so many machines that are alike.
func (r *room) fill(count int, rate float64, config field.Config) {
	for range count {
		r.add(fmt.Sprintf("pc%02d", len(r.nodes)), rate, config)
	}
}

func (n *node) learn(other *node) {
	if n.field != nil {
		n.field.Up(other.member)
	}
}

// close ends all machines.
func (r *room) close() {
	for _, n := range r.nodes {
		n.resetLinks()
	}
	for _, n := range r.nodes {
		if n.field != nil {
			n.field.Close()
		}
	}
}

// block cuts the line between two machines, without a word to them.
func (r *room) block(a, b *node, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked[[2]*node{a, b}], r.blocked[[2]*node{b, a}] = cut, cut
}

func (r *room) isBlocked(a, b *node) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blocked[[2]*node{a, b}]
}

// kill cuts a machine off without a word; the others are told after a while, as by gossip.
func (r *room) kill(n *node, notice time.Duration) {
	for _, other := range r.nodes {
		r.block(n, other, true)
	}
	if notice > 0 {
		time.Sleep(notice)
		for _, other := range r.nodes {
			if other != n && other.field != nil {
				other.field.Down(n.member.ID)
			}
		}
	}
}

// set changes how a machine behaves.
func (n *node) set(change func(n *node)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

func (n *node) is(what func(n *node) bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return what(n)
}

// resetLinks breaks all connections to a machine.
func (n *node) resetLinks() {
	n.mu.Lock()
	links := n.links
	n.links = nil
	n.mu.Unlock()
	for _, l := range links {
		l.fail(fmt.Errorf("connection reset by %s", n.member.Name))
	}
}

// target finds the machine that a member is.
func (n *node) target(m field.Member) *node {
	n.room.mu.Lock()
	defer n.room.mu.Unlock()
	for _, other := range n.room.nodes {
		if other.member.ID == m.ID {
			return other
		}
	}
	return nil
}

// Dial implements field.Peers.
func (n *node) Dial(ctx context.Context, m field.Member, hear func(field.Message)) (field.Link, error) {
	to := n.target(m)
	if err := sleep(ctx, 2*n.room.delay); err != nil {
		return nil, err
	}
	for n.room.isBlocked(n, to) {
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
	l := &link{from: n, to: to, lost: make(chan struct{}), packets: make(chan part, window), turn: make(chan struct{}, 1)}
	l.tasks.Go(l.receive)
	if to.field != nil {
		l.tasks.Go(func() { l.listen(hear) })
	}
	to.set(func(to *node) { to.links = append(to.links, l) })
	return l, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
