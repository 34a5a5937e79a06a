package gossip

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/memberlist"

	"viver/nodeimage/field"
)

// maxMembers bounds how many others there may be; more are not listened to.
const maxMembers = 4096

// table is who lives.
type table struct {
	self    field.MemberID
	changed chan struct{}

	mu   sync.Mutex // guards live
	live map[field.MemberID]living
}

// living is a member, and where its gossip is taken.
type living struct {
	field.Member
	address string
}

func newTable(self field.MemberID) *table {
	return &table{self: self, changed: make(chan struct{}, 1), live: map[field.MemberID]living{}}
}

// NotifyAlive implements memberlist.AliveDelegate: it keeps out whoever cannot be understood, and those that are too many.
func (t *table) NotifyAlive(n *memberlist.Node) error {
	m, err := decode(field.MemberID(n.Name), n.Meta)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.live[m.ID]; !ok && len(t.live) >= maxMembers {
		return fmt.Errorf("there are %d members already", maxMembers)
	}
	return nil
}

// put notes a member, and reports whether it was another than this machine.
func (t *table) put(n *memberlist.Node, address string) bool {
	m, err := decode(field.MemberID(n.Name), n.Meta)
	if err != nil || m.ID == t.self { // an error was told by NotifyAlive
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[m.ID] = living{m, address}
	wake(t.changed)
	return true
}

func (t *table) remove(n *memberlist.Node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, field.MemberID(n.Name))
	wake(t.changed)
}

func (t *table) members() []field.Member {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []field.Member
	for _, m := range t.live {
		list = append(list, m.Member)
	}
	return list
}

func (t *table) addresses() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []string
	for _, m := range t.live {
		list = append(list, m.address)
	}
	return list
}

func (t *table) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.live)
}

// tell sends what has changed to events until ctx ends. What changes faster than it is taken is told once.
func (t *table) tell(ctx context.Context, events chan<- Event) {
	told := map[field.MemberID]field.Member{}
	for {
		for _, e := range t.news(told) {
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-t.changed:
		case <-ctx.Done():
			return
		}
	}
}

// news returns how the table differs from what was told, and notes that it is told now: who is gone stands first.
func (t *table) news(told map[field.MemberID]field.Member) []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	var events []Event
	for id, m := range told {
		if _, ok := t.live[id]; !ok {
			events = append(events, Event{Member: m})
			delete(told, id)
		}
	}
	for id, m := range t.live {
		if told[id] != m.Member {
			events = append(events, Event{Up: true, Member: m.Member})
			told[id] = m.Member
		}
	}
	return events
}
