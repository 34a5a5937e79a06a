package lang

import (
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/bitset"
)

// machineKinds are the kinds of instances on which a step can act.
var machineKinds = [...]string{"node", "server", "image"}

// stepSlots finds the machines on which a step acts: one instance for each. An `on` that is one machine adds no key. One that is a
// list of machines keys the instances: by the machine's own key, or if its block has neither count nor for_each, by the
// block's name; and where two machines of the list would get the same key, all of them by their addresses instead. With count or
// for_each beside such a list, the key is both: "EACH/MACHINE".
func (n *blockNode) stepSlots(base bitset.Set, before byNode) ([]slot, bool) {
	var slots []slot
	var shared []onMachine
	single := false
	for _, k := range n.repeated.keys {
		if n.block.on.perInstance() || shared == nil {
			var ok bool
			if shared, single, ok = n.machines(n.repeated.variables(k)); !ok {
				return nil, false
			}
		}
		keys := machineKeys(shared)
		for i, m := range shared {
			s := slot{key: k, repeat: k, machine: m.machine, depends: base.Clone()}
			s.depends.Or(m.depends)
			before.addTo(&s.depends, m.machine)
			switch {
			case single:
			case k.IsNone():
				s.key = keys[i]
			default:
				s.key = addr.Text(k.Plain() + "/" + keys[i].Plain())
			}
			slots = append(slots, s)
		}
	}
	return slots, n.distinct(slots)
}

// byNode is what depends_on names, sorted by the node on which it acts. A step waits for those on its own node and not for those on others:
// one machine that does not come must not hold up the rest. Where its own node has none of them, it waits for all.
type byNode struct {
	all, elsewhere bitset.Set // elsewhere: on no node
	on             map[*instance]*bitset.Set
}

func (e *Evaluator) sortByNode(before bitset.Set) byNode {
	b := byNode{all: before, on: map[*instance]*bitset.Set{}}
	for number := range before.All() {
		m := e.instances[number].slot.machine
		if m == nil || m.Type != "node" {
			b.elsewhere.Add(number)
			continue
		}
		if b.on[m] == nil {
			b.on[m] = &bitset.Set{}
		}
		b.on[m].Add(number)
	}
	return b
}

func (b byNode) addTo(depends *bitset.Set, machine *instance) {
	own := b.on[machine]
	if own == nil {
		depends.Or(b.all)
		return
	}
	depends.Or(b.elsewhere)
	depends.Or(*own)
}

// distinct reports instances that would have the same address.
func (n *blockNode) distinct(slots []slot) bool {
	seen := map[addr.Key]bool{}
	for _, s := range slots {
		if seen[s.key] {
			n.in.e.report(errorf(&n.block.rng, "Two instances with one address", "Two instances of %s would have the key %s. Each machine may stand only once in \"on\", and keys of for_each should have no slash.", n.block.address(), s.key))
			return false
		}
		seen[s.key] = true
	}
	return true
}

// onMachine is a machine with what its place in `on` depends on.
type onMachine struct {
	machine *instance
	depends bitset.Set
}

// machines evaluates on.
func (n *blockNode) machines(vars variables) (machines []onMachine, single, ok bool) {
	x := n.block.on
	got := n.in.evalIn(&n.onContext, x, vars)
	if !got.ok {
		return nil, false, false
	}
	var depends bitset.Set
	v, sensitive := splitTop(got.value, &depends)
	if sensitive {
		v = v.Mark(Sensitive)
	}
	v, problem := n.in.known("on", v)
	elements := []cty.Value{v}
	single = kindOf(v) != ""
	if problem == "" && !single {
		if !v.CanIterateElements() {
			problem = "on wants a machine or a list of machines, not " + found(v) + "."
		} else {
			elements = sortedElements(v)
		}
	}
	machines = []onMachine{}
	for i := 0; i < len(elements) && problem == ""; i++ {
		m := onMachine{depends: depends.Clone()}
		if m.machine, problem = n.machine(elements[i], &m.depends); problem == "" {
			machines = append(machines, m)
		}
	}
	if problem != "" {
		n.in.e.reportOnce(errorf(x.Range().Ptr(), "Unsuitable machine", "%s", problem))
	}
	return machines, single, problem == ""
}

// machine finds the instance that v is the object of.
func (n *blockNode) machine(v cty.Value, depends *bitset.Set) (m *instance, problem string) {
	v, _ = splitTop(v, depends)
	if v, problem = n.in.known("a machine in on", v); problem != "" {
		return nil, problem
	}
	if !slices.Contains(machineKinds[:], kindOf(v)) {
		return nil, fmt.Sprintf("A step acts on a %s, or a list of them, not on %s.", oneOf(machineKinds[:]), found(v))
	}
	m = n.in.e.byAddress[addressOf(v)]
	if m == nil {
		return nil, fmt.Sprintf("%q is no machine of this configuration.", addressOf(v))
	}
	depends.Add(m.Number)
	return m, ""
}

func machineKeys(machines []onMachine) []addr.Key {
	keys := make([]addr.Key, len(machines))
	seen, unique := map[addr.Key]bool{}, true
	for i, m := range machines {
		keys[i] = m.machine.Addr.Key
		if keys[i].IsNone() {
			keys[i] = addr.Text(m.machine.Addr.Name)
		}
		unique = unique && !seen[keys[i]]
		seen[keys[i]] = true
	}
	if unique {
		return keys
	}
	for i, m := range machines {
		keys[i] = addr.Text(m.machine.Addr.String())
	}
	return keys
}
