// Package roster is what a server knows of machines: which nodes are wanted, which machines were seen, and which is which. A deputy, which
// admits machines while no server can be reached, has one too, filled from a server's.
//
// It owns the binding of machines to names, the stages of each boot, the tokens of reports, and the file in which
// all that outlives the agent. It opens no connection: events come by calls, whoever wants to know what changes watches.
//
// What machines and units say is not trusted: it is bounded and cleaned before it is kept (see clean.go).
package roster

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"viver/nodeimage/natural"
	"viver/nodeimage/spec"
)

// maxNameless bounds how many machines without a name are remembered: anybody on the link can invent MAC addresses. Those with a name
// are as many as there are nodes.
const maxNameless = 1024

// Config is what a Roster needs. Path and Cluster must be set.
type Config struct {
	Path    string // of the file; made when something is saved
	Cluster string // ID; machines of others are refused
	Deputy  bool   // it is a deputy's: what it notes is to be told to a server (see Untold)
	Now     func() time.Time
	Log     *slog.Logger
}

// Roster is safe for concurrent use. Methods that change what an operator relies on (nodes, bindings, tokens) return when
// it is durable; what machines report is saved by the next of those, or by Save.
type Roster struct {
	config Config

	saving sync.Mutex // held while the file is written

	mu       sync.Mutex // guards the rest
	nodes    map[string]spec.NodeSpec
	machines map[string]*record // by MAC
	watchers map[*watcher]bool
	changes  uint64 // counts changes; saved is the number of the last one in the file
	saved    uint64
}

// record is a machine in the roster.
type record spec.MachineRecord

// Open reads the roster of a server, or begins one.
func Open(c Config) (*Roster, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	r := &Roster{config: c, nodes: map[string]spec.NodeSpec{}, machines: map[string]*record{}, watchers: map[*watcher]bool{}}
	return r, r.load()
}

// PutNode says that a node is wanted. It returns the machine that is bound to it, zero if there is none yet.
func (r *Roster) PutNode(n spec.NodeSpec) (spec.Machine, error) {
	n, err := cleanNode(n)
	if err != nil {
		return spec.Machine{}, err
	}
	m, err := r.putNode(n)
	if err != nil {
		return spec.Machine{}, err
	}
	return m, r.Save()
}

func (r *Roster) putNode(n spec.NodeSpec) (spec.Machine, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range r.nodes {
		if n.MAC != "" && other.MAC == n.MAC && other.Name != n.Name {
			return spec.Machine{}, fmt.Errorf("roster: node %s: the MAC %s is that of node %s already; remove that one first", n.Name, n.MAC, other.Name)
		}
	}
	if n.KeepSteps {
		n.Steps, n.Units, n.KeepSteps = r.nodes[n.Name].Steps, r.nodes[n.Name].Units, false
	}
	if n.KeepField {
		n.Field, n.KeepField = r.nodes[n.Name].Field, false
	}
	r.nodes[n.Name] = n
	r.changes++
	if n.MAC != "" {
		r.bindListed(n)
	}
	if rec := r.boundTo(n.Name); rec != nil {
		return clone(rec.Machine), nil
	}
	return spec.Machine{}, nil
}

// RemoveNode forgets a wanted node and its machine's binding. One that is not known is no error.
func (r *Roster) RemoveNode(name string) error {
	r.mu.Lock()
	delete(r.nodes, name)
	r.changes++
	if rec := r.boundTo(name); rec != nil {
		r.unbind(rec)
	}
	r.mu.Unlock()
	return r.Save()
}

// Machines returns all machines that are known: bound ones in the natural order of their names, then the others.
func (r *Roster) Machines() []spec.Machine {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.snapshot(nil)
}

// snapshot returns the machines with these MACs (nil: all), in order; r.mu is held.
func (r *Roster) snapshot(macs map[string]bool) []spec.Machine {
	var all []spec.Machine
	for mac, rec := range r.machines {
		if macs == nil || macs[mac] {
			all = append(all, clone(rec.Machine))
		}
	}
	slices.SortFunc(all, func(a, b spec.Machine) int {
		if (a.Node == "") != (b.Node == "") {
			return cmp.Compare(b.Node, a.Node) // the one with a name comes first
		}
		return cmp.Or(natural.Compare(a.Node, b.Node), cmp.Compare(a.MAC, b.MAC))
	})
	return all
}

// machine returns the record of a machine, a new one if need be; r.mu is held.
func (r *Roster) machine(mac string) *record {
	if rec := r.machines[mac]; rec != nil {
		return rec
	}
	rec := &record{Machine: spec.Machine{MAC: mac, Node: r.listed(mac)}}
	if rec.Machine.Node == "" {
		r.makeRoom()
	}
	r.machines[mac] = rec
	return rec
}

// makeRoom forgets the machine without a name that was silent for longest, if there are too many of them; r.mu is held.
func (r *Roster) makeRoom() {
	var oldest *record
	nameless := 0
	for _, rec := range r.machines {
		if rec.Machine.Node != "" || rec.Approved {
			continue
		}
		nameless++
		if oldest == nil || rec.Machine.LastSeen.Before(oldest.Machine.LastSeen) {
			oldest = rec
		}
	}
	if nameless >= maxNameless {
		delete(r.machines, oldest.Machine.MAC)
	}
}

// touch notes that something of a machine changed; r.mu is held.
func (r *Roster) touch(rec *record) {
	r.changes++
	rec.Untold = r.config.Deputy
	for w := range r.watchers {
		w.note(rec.Machine.MAC)
	}
}

// clone returns a copy that shares nothing which is ever written to.
func clone(m spec.Machine) spec.Machine {
	m.Boot, m.Steps = slices.Clone(m.Boot), slices.Clone(m.Steps)
	return m // Facts are replaced, never changed
}
