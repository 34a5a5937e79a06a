// Package simulate is a world in memory: resource types that behave after the schemas of the real ones and touch nothing. It owns what is there in such a
// world and what happens to it; it makes no plans. Of particular types it knows that nodes have their steps in RAM, and that their boot_id tells
// boots apart.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/resource"
)

// World is all that is there. It is safe for concurrent use.
type World struct {
	// Mocks are values of computed attributes, the most general first; those of later ones count. They are not changed once the world is used.
	Mocks []Mock

	mu     sync.Mutex
	types  map[string]resource.Type // the real ones, by name; guarded by mu
	things map[string]*thing        // by address; guarded by mu
	made   map[string]int           // how often the thing at an address was made; guarded by mu
	now    Events                   // guarded by mu
}

// thing is one instance that is there.
type thing struct {
	kind    string
	machine string // address; empty: it is no step
	config  cty.Value
	drifted bool
	boots   int // of a machine
}

// Mock gives computed attributes of some instances.
type Mock struct {
	// Type is a resource type, "node"; empty: Of counts.
	Type string
	// Of is the address of a block, an instance or a Pac.
	Of     addr.Pattern
	Values map[string]cty.Value
}

// Events are what happens to a world. The addresses are those of instances, blocks and Pacs.
type Events struct {
	Gone     []addr.Pattern // is not there any more
	Drifted  []addr.Pattern // is not as it was left
	Rebooted []addr.Pattern // a node began anew, and took its steps again
	// Unreachable and Failing last until the next Events: it cannot be asked, and it cannot be brought about or taken away.
	Unreachable, Failing []addr.Pattern
}

// Happen lets events happen to what is there. It fails for addresses at which nothing is, but for Failing.
func (w *World) Happen(e Events) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = e
	var errs []error
	for _, p := range e.Gone {
		errs = append(errs, w.each(p, func(at string, t *thing) { w.remove(at, t) }))
	}
	for _, p := range e.Drifted {
		errs = append(errs, w.each(p, func(_ string, t *thing) { t.drifted = true }))
	}
	for _, p := range e.Rebooted {
		errs = append(errs, w.each(p, func(_ string, t *thing) { t.boots++ }))
	}
	for _, p := range e.Unreachable {
		errs = append(errs, w.each(p, func(string, *thing) {}))
	}
	return errors.Join(errs...)
}

// each calls f for the things that a pattern covers. w.mu is held.
func (w *World) each(p addr.Pattern, f func(at string, t *thing)) error {
	found := false
	for _, at := range slices.Sorted(maps.Keys(w.things)) {
		if t := w.things[at]; t != nil && covers([]addr.Pattern{p}, at) {
			found = true
			f(at, t)
		}
	}
	if !found {
		return fmt.Errorf("nothing is there at %s to which something could happen", p)
	}
	return nil
}

func covers(patterns []addr.Pattern, at string) bool {
	i, err := addr.Parse(at)
	return err == nil && slices.ContainsFunc(patterns, func(p addr.Pattern) bool { return p.Covers(i) })
}

// remove takes a thing away; the steps on a node go with its RAM. w.mu is held.
func (w *World) remove(at string, t *thing) {
	delete(w.things, at)
	if t.kind == nodeKind {
		maps.DeleteFunc(w.things, func(_ string, step *thing) bool { return step.machine == at })
	}
}

const (
	nodeKind = "node"
	bootID   = "boot_id"
)

// Left lists the addresses of what is there, sorted.
func (w *World) Left() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Keys(w.things), addr.Natural)
}

// Types returns types of this world with the names and schemas of real ones.
func (w *World) Types(real map[string]resource.Type) map[string]resource.Type {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.types = real
	all := map[string]resource.Type{}
	for name, t := range real {
		s := &simulated{Type: t, world: w}
		all[name] = s
		if _, ok := t.(resource.Batcher); ok {
			all[name] = &batched{s}
		} else if _, ok := t.(resource.Importer); ok {
			all[name] = &importable{s}
		}
	}
	return all
}

// simulated is a real type of which only the name, the schema, and what follows from arguments alone are used.
type simulated struct {
	resource.Type
	world *World
}

var (
	_ resource.Reader     = (*simulated)(nil)
	_ resource.Summarizer = (*simulated)(nil)
	_ resource.Outfitter  = (*simulated)(nil)
	_ resource.Supplier   = (*simulated)(nil)
	_ resource.Batcher    = (*batched)(nil)
	_ resource.Importer   = (*importable)(nil)
)

// errFails is how things end that a test wants to fail.
var errFails = errors.New("it fails, as the test wants it")

// Apply implements resource.Type.
func (s *simulated) Apply(ctx context.Context, r resource.ApplyRequest) (map[string]cty.Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bring(s.Name(), r.Addr, machineOf(r.Config), r.Config)
}

// bring makes a thing as config says, if nothing hinders it. w.mu is held.
func (w *World) bring(kind, at, machine string, config cty.Value) (map[string]cty.Value, error) {
	if err := w.obstacle(at, machine); err != nil {
		return nil, err
	}
	if machine != "" && w.things[machine] == nil {
		return nil, fmt.Errorf("%s is not there", machine)
	}
	t := w.types[kind]
	if t == nil {
		return nil, fmt.Errorf("there is no type %s", kind)
	}
	return w.put(t.Schema(), kind, at, machine, config), nil
}

// obstacle says why nothing can be done at an address. w.mu is held.
func (w *World) obstacle(at, machine string) error {
	switch {
	case covers(w.now.Failing, at):
		return errFails
	case covers(w.now.Unreachable, at), machine != "" && covers(w.now.Unreachable, machine):
		return errors.New("it cannot be reached, as the test wants it")
	}
	return nil
}

// put makes a thing, or makes one that is there as config says. w.mu is held.
func (w *World) put(s *resource.Schema, kind, at, machine string, config cty.Value) map[string]cty.Value {
	if w.things == nil {
		w.things, w.made = map[string]*thing{}, map[string]int{}
	}
	t := w.things[at]
	if t == nil {
		w.made[at]++
		t = &thing{kind: kind, boots: 1}
		w.things[at] = t
	}
	t.config, t.machine, t.drifted = config, machine, false
	return w.computed(s, at, t)
}

// Destroy implements resource.Type. What steps are on cannot go before them, but for nodes, whose RAM they are in.
func (s *simulated) Destroy(ctx context.Context, r resource.DestroyRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.takeAway(r.Addr, machineOf(r.Prior))
}

func (w *World) takeAway(at, machine string) error {
	if err := w.obstacle(at, machine); err != nil {
		return err
	}
	t := w.things[at]
	if t == nil {
		return nil
	}
	for other, step := range w.things {
		if step.machine == at && t.kind != nodeKind {
			return fmt.Errorf("%s is still on it", other)
		}
	}
	w.remove(at, t)
	return nil
}

// Read implements resource.Reader.
func (s *simulated) Read(_ context.Context, instances []resource.ReadRequest) []resource.Observation {
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	found := make([]resource.Observation, len(instances))
	for i, r := range instances {
		found[i] = w.observe(s.Schema(), r)
	}
	return found
}

// observe says how an instance is. w.mu is held.
func (w *World) observe(s *resource.Schema, r resource.ReadRequest) resource.Observation {
	t := w.things[r.Addr]
	switch {
	case covers(w.now.Unreachable, r.Addr), covers(w.now.Unreachable, machineOf(r.Prior)):
		return resource.Observation{Status: resource.Unreachable, Reason: "unreachable"}
	case t == nil:
		return resource.Observation{Status: resource.Absent, Reason: "gone"}
	case t.drifted:
		return resource.Observation{Status: resource.Drifted, Reason: "not as it was left"}
	}
	changed := map[string]cty.Value{}
	for name, v := range w.computed(s, r.Addr, t) {
		if before := attribute(r.Prior, name); before == cty.NilVal || !before.RawEquals(v) {
			changed[name] = v
		}
	}
	o := resource.Observation{Computed: changed}
	if len(changed) > 0 && t.boots > 1 {
		o.Reason = "rebooted"
	}
	return o
}

func machineOf(prior cty.Value) string {
	on := attribute(prior, "on")
	if on == cty.NilVal {
		return ""
	}
	at := attribute(on, "addr")
	if at == cty.NilVal || at.IsNull() || at.Type() != cty.String {
		return ""
	}
	return at.AsString()
}

func attribute(v cty.Value, name string) cty.Value {
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
		return cty.NilVal
	}
	return v.GetAttr(name)
}
