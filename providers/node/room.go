package node

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"viver/nodeimage/spec"
	"viver/providers/agents"
)

// room is what is known of the machines of one server, for all nodes that wait for them: one stream serves them all.
type room struct {
	name   agents.Server
	agents *agents.Agents
	end    context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex              // guards what follows
	machines map[string]spec.Machine // by MAC
	fresh    map[string]bool         // machines that moved since the room was opened
	places   map[*place]bool
	wanted   map[string]int // nodes of each group that were waited for
	joined   map[string]int // and those that came
	trouble  error          // why the stream is broken at the moment
}

// place is that of one waiting node.
type place struct {
	room *room
	typ  *Type
	node spec.NodeSpec
	wake chan struct{}
}

// enter joins the room of the wish's server, and opens it for the first one.
func (t *Type) enter(w wish) *place {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := w.server.Name + " " + w.server.Address
	r := t.rooms[key]
	if r == nil {
		r = &room{
			name: w.server, agents: t.Agents, machines: map[string]spec.Machine{}, fresh: map[string]bool{},
			places: map[*place]bool{}, wanted: map[string]int{}, joined: map[string]int{},
		}
		if t.rooms == nil {
			t.rooms = map[string]*room{}
		}
		t.rooms[key] = r
	}
	p := &place{room: r, typ: t, node: w.node, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted[w.node.Group]++
	r.places[p] = true
	if len(r.places) == 1 {
		ctx, cancel := context.WithCancel(context.Background()) // lives as long as somebody waits, whoever that is
		r.end, r.ended = cancel, make(chan struct{})
		go r.follow(ctx, r.ended)
	}
	return p
}

// leave ends the wait. The last one closes the room's stream.
func (p *place) leave() {
	r := p.room
	p.typ.mu.Lock() // nobody enters meanwhile
	defer p.typ.mu.Unlock()
	r.mu.Lock()
	delete(r.places, p)
	last := len(r.places) == 0
	r.mu.Unlock()
	if last {
		r.end()
		<-r.ended
	}
}

// came counts the node among those that joined.
func (p *place) came() {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.room.joined[p.node.Group]++
}

// tally tells how many nodes of the group came, of those that were waited for.
func (p *place) tally() (joined, wanted int) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.room.joined[p.node.Group], p.room.wanted[p.node.Group]
}

// follow reads the server's stream of machines until ctx ends; a broken one is opened again.
func (r *room) follow(ctx context.Context, ended chan<- struct{}) {
	defer close(ended)
	for ctx.Err() == nil {
		err := r.agents.Watch(ctx, r.name, r.take)
		r.mu.Lock()
		r.trouble = err
		r.mu.Unlock()
		r.wakeAll()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// take notes how a machine is now.
func (r *room) take(m spec.Machine) {
	r.mu.Lock()
	before, known := r.machines[m.MAC]
	if known && before.Stage() != m.Stage() || time.Since(m.LastSeen) < time.Minute {
		r.fresh[m.MAC] = true
	}
	r.machines[m.MAC] = m
	r.trouble = nil
	r.mu.Unlock()
	r.wakeAll()
}

func (r *room) wakeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.places {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// look returns the machine that is bound to the node. If there is none, it may be one of those that have not got a name yet: the
// guess is good enough to show how far the machines have come, not more.
func (p *place) look() (m spec.Machine, bound bool, trouble error) {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	var nameless []spec.Machine
	taken := map[string]bool{}
	for _, m := range r.machines {
		if m.Node == p.node.Name {
			return m, true, r.trouble
		}
		taken[m.Node] = true
		if m.Node == "" && r.fresh[m.MAC] {
			nameless = append(nameless, m)
		}
	}
	slices.SortFunc(nameless, func(a, b spec.Machine) int { return strings.Compare(a.MAC, b.MAC) })
	number := 0 // of this node among those that wait
	for other := range r.places {
		if other != p && !taken[other.node.Name] && cmp.Compare(other.node.Name, p.node.Name) < 0 {
			number++
		}
	}
	if number < len(nameless) {
		return nameless[number], false, r.trouble
	}
	return spec.Machine{}, false, r.trouble
}
