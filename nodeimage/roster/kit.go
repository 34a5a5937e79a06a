package roster

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"viver/nodeimage/natural"
	"viver/nodeimage/spec"
)

// maxTakes bounds how many steps the nodes of a kit have together.
const maxTakes = 1 << 20

// ErrNoDeputy is wrapped by the errors for machines whose node is not a deputy.
var ErrNoDeputy = errors.New("not a deputy")

// Deputy returns the name of a machine that asks for what only deputies get. The error wraps ErrRefused if the token is not that of its present
// boot, and ErrNoDeputy if its node is none.
func (r *Roster) Deputy(mac, token string) (name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, err := r.known(mac, token)
	if err != nil {
		return "", fmt.Errorf("roster: deputy: %w", err)
	}
	name = rec.Machine.Node
	if !r.nodes[name].IsDeputy() {
		return "", fmt.Errorf("roster: node %s is %w: its field block must say deputy = true", name, ErrNoDeputy)
	}
	return name, nil
}

// Deputies returns the machines that are bound to nodes which are deputies, in no order.
func (r *Roster) Deputies() []spec.Machine {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []spec.Machine
	for _, rec := range r.machines {
		if r.nodes[rec.Machine.Node].IsDeputy() {
			all = append(all, clone(rec.Machine))
		}
	}
	return all
}

// Kit returns what the roster of a deputy is filled with, without tag and keys: all nodes, and all machines that have a name or an operator's
// approval. Of a machine there is only what it takes to know it again, unless no server has been told of it.
func (r *Roster) Kit() *spec.Kit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kit()
}

// kit is Kit; r.mu is held.
func (r *Roster) kit() *spec.Kit {
	k := &spec.Kit{Nodes: []spec.NodeSpec{}, Takes: [][]int{}, Machines: []spec.MachineRecord{}}
	places := map[string][]int{}
	for _, name := range slices.SortedFunc(maps.Keys(r.nodes), natural.Compare) {
		pack(k, places, r.nodes[name])
	}
	for _, mac := range slices.Sorted(maps.Keys(r.machines)) {
		if rec := r.machines[mac]; rec.Machine.Node != "" || rec.Approved {
			k.Machines = append(k.Machines, rec.recognizable())
		}
	}
	return k
}

// pack adds a node to a kit. places has where in k.Steps the steps with an ID are.
func pack(k *spec.Kit, places map[string][]int, n spec.NodeSpec) {
	takes := []int{}
	for _, s := range n.Steps {
		same := func(place int) bool {
			o := k.Steps[place]
			return o.Type == s.Type && o.Timeout == s.Timeout && bytes.Equal(o.Config, s.Config)
		}
		if i := slices.IndexFunc(places[s.ID], same); i >= 0 {
			takes = append(takes, places[s.ID][i])
			continue
		}
		takes, places[s.ID], k.Steps = append(takes, len(k.Steps)), append(places[s.ID], len(k.Steps)), append(k.Steps, s)
	}
	n.Steps = nil
	k.Nodes, k.Takes = append(k.Nodes, n), append(k.Takes, takes)
}

// recognizable returns the record as a kit has it.
func (rec *record) recognizable() spec.MachineRecord {
	all := spec.MachineRecord(*rec)
	m := clone(all.Machine)
	if !rec.Untold {
		m = spec.Machine{
			MAC: m.MAC, Node: m.Node, Address: m.Address, Firmware: m.Firmware, BootID: m.BootID, Image: m.Image, HostKey: m.HostKey,
		}
	}
	all.Machine = m
	return all
}

// Use fills the roster of a deputy from a kit. What it knew before is forgotten: see Tell.
func (r *Roster) Use(k *spec.Kit) error {
	if err := r.use(k); err != nil {
		return fmt.Errorf("roster: use a kit: %w", err)
	}
	return r.Save()
}

func (r *Roster) use(k *spec.Kit) error {
	nodes, err := unpack(k)
	if err != nil {
		return err
	}
	machines := make([]record, len(k.Machines))
	for i, m := range k.Machines {
		machines[i] = record(m)
	}
	if err := r.fill(nodes, machines); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	return nil
}

// unpack returns the nodes of a kit, with their steps.
func unpack(k *spec.Kit) ([]spec.NodeSpec, error) {
	if len(k.Takes) != len(k.Nodes) {
		return nil, fmt.Errorf("it has %d nodes, and says of %d which steps they take", len(k.Nodes), len(k.Takes))
	}
	nodes, taken := slices.Clone(k.Nodes), 0
	for i, takes := range k.Takes {
		if taken += len(takes); taken > maxTakes {
			return nil, fmt.Errorf("its nodes have more than %d steps together", maxTakes)
		}
		nodes[i].Steps = nil
		for _, place := range takes {
			if place < 0 || place >= len(k.Steps) {
				return nil, fmt.Errorf("node %.80q takes step %d of %d", nodes[i].Name, place, len(k.Steps))
			}
			nodes[i].Steps = append(nodes[i].Steps, k.Steps[place])
		}
	}
	return nodes, nil
}
