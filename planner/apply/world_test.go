package apply_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/bitset"
	"viver/planner/lang"
	"viver/planner/resource"
)

// world is a simulated world of things that use each other. It complains when something is done in the wrong order.
type world struct {
	mu     sync.Mutex
	things map[string]*thing
	calls  []string                // "create node.a", in order
	wrong  []string                // what must not have happened
	fails  func(addr string) error // asked before each deed
}

type thing struct {
	id      string
	value   string
	machine string
	uses    map[string]string // addresses to IDs
}

func newWorld() *world {
	return &world{things: map[string]*thing{}, fails: func(string) error { return nil }}
}

// schema of all types in the world. The ID of a thing follows from its value and from what it uses.
func schema() *resource.Schema {
	return &resource.Schema{Attributes: map[string]*resource.Attribute{
		"value": {Type: cty.String},
		"seed":  {Type: cty.String, Replaces: true},
		"uses":  {Type: cty.DynamicPseudoType, Refers: []string{"thing", "node", "server", "image"}},
		"id":    {Type: cty.String, Computed: true},
		"count": {Type: cty.Number, Computed: true, From: []string{}},
	}}
}

// kind is a type whose instances are applied one by one.
type kind struct {
	*world
	name   string
	schema *resource.Schema
}

func (k *kind) Name() string             { return k.name }
func (k *kind) Schema() *resource.Schema { return k.schema }

func (k *kind) Apply(_ context.Context, r resource.ApplyRequest) (map[string]cty.Value, error) {
	if k.schema.Bakes {
		k.clear(r.Addr)
	}
	for _, s := range r.Steps {
		if _, err := k.put(s.Addr, s.Config, r.Addr); err != nil {
			k.clear(r.Addr)
			return nil, err
		}
	}
	computed, err := k.put(r.Addr, r.Config, "")
	if err != nil && k.schema.Bakes {
		k.clear(r.Addr)
	}
	return computed, err
}

// clear empties an image: applying it makes it anew.
func (w *world) clear(image string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.things, func(_ string, t *thing) bool { return t.machine == image })
}

func (k *kind) Destroy(_ context.Context, r resource.DestroyRequest) error { return k.remove(r.Addr) }

// steps is a type whose instances are applied in sessions.
type steps struct{ kind }

func (s *steps) ApplyBatch(_ context.Context, b resource.Batch, done func(int, map[string]cty.Value, error)) {
	machine := b.Machine.GetAttr("addr").AsString()
	s.checkKept(machine, b)
	failed := false
	for i, m := range b.Members {
		if failed {
			done(i, nil, resource.ErrSkipped)
			continue
		}
		var computed map[string]cty.Value
		var err error
		if m.Action == resource.Delete {
			err = s.remove(m.Addr)
		} else {
			computed, err = s.put(m.Addr, m.Config, machine)
		}
		failed = err != nil
		done(i, computed, err)
	}
}

// checkKept compares what the session says is in place with what is.
func (s *steps) checkKept(machine string, b resource.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := -1
	for _, k := range b.Kept {
		if t := s.things[k.Addr]; t == nil || t.machine != machine {
			s.wrong = append(s.wrong, fmt.Sprintf("%s is said to be kept on %s", k.Addr, machine))
		}
		if k.Position <= last {
			s.wrong = append(s.wrong, fmt.Sprintf("%s has position %d after %d", k.Addr, k.Position, last))
		}
		last = k.Position
	}
}

// put makes a thing or makes it anew, unless it is to fail. Everything that it uses must be there.
func (w *world) put(at string, config cty.Value, machine string) (map[string]cty.Value, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, "put "+at)
	if err := w.fails(at); err != nil {
		return nil, err
	}
	t := &thing{value: text(config, "value"), machine: machine, uses: map[string]string{}}
	hash := fnv.New64a()
	fmt.Fprintln(hash, at, t.value, text(config, "seed"))
	for _, used := range config.GetAttr("uses").AsValueSlice() {
		name, id := text(used, "addr"), text(used, "id")
		if there := w.things[name]; there == nil || there.id != id {
			w.wrong = append(w.wrong, fmt.Sprintf("%s uses %s with ID %s, which is not there", at, name, id))
		}
		t.uses[name] = id
		fmt.Fprintln(hash, id)
	}
	if machine != "" && w.things[machine] == nil && config.Type().HasAttribute("on") {
		w.wrong = append(w.wrong, fmt.Sprintf("%s is put on %s, which is not there", at, machine))
	}
	t.id = fmt.Sprintf("%x", hash.Sum64())
	w.things[at] = t
	return map[string]cty.Value{"id": cty.StringVal(t.id), "count": cty.NumberIntVal(int64(len(t.uses)))}, nil
}

func text(v cty.Value, name string) string {
	if a := v.GetAttr(name); !a.IsNull() {
		return a.AsString()
	}
	return ""
}

// remove takes a thing away, and with a node what is in its RAM. Nobody may use it any more.
func (w *world) remove(at string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, "remove "+at)
	if err := w.fails(at); err != nil {
		return err
	}
	gone := w.things[at]
	delete(w.things, at)
	for name, t := range w.things {
		if t.machine == at {
			delete(w.things, name)
		}
	}
	for name, t := range w.things {
		if id, uses := t.uses[at]; uses && gone != nil && id == gone.id && !w.replacing(name) {
			w.wrong = append(w.wrong, fmt.Sprintf("%s is removed while %s uses it", at, name))
		}
	}
	return nil
}

// replacing says that a thing may lose what it uses for a while: what is used is made anew.
func (w *world) replacing(string) bool { return slices.Contains(w.calls, "replacing") }

// snapshot is everything that is there, comparable.
func (w *world) snapshot() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]string{}
	for name, t := range w.things {
		all[name] = fmt.Sprint(t.id, " on ", t.machine, " uses ", slices.Sorted(maps.Keys(t.uses)))
	}
	return all
}

func (w *world) types() map[string]resource.Type {
	image, node := schema(), schema()
	image.Bakes, node.Waits = true, true
	return map[string]resource.Type{
		"thing":     &kind{w, "thing", schema()},
		"server":    &kind{w, "server", schema()},
		"node":      &kind{w, "node", node},
		"image":     &kind{w, "image", image},
		"step.file": &steps{kind{w, "step.file", schema()}},
		"step.note": &steps{kind{w, "step.note", plainSchema()}},
	}
}

// plainSchema is that of things of which nothing is found out.
func plainSchema() *resource.Schema {
	s := schema()
	maps.DeleteFunc(s.Attributes, func(_ string, a *resource.Attribute) bool { return a.Computed })
	return s
}

// declaration is one instance in a configuration made by a test. What it uses and the machine that it acts on stand before it.
type declaration struct {
	kind, name string
	value      string
	follows    func(made []cty.Value) cty.Value // instead of value: made of what is declared before it
	seed       string
	after      []int // what follows was made of
	uses       []int
	on         int // -1: none
}

func (d declaration) address() addr.Instance { return addr.Instance{Type: d.kind, Name: d.name} }

// config is an evaluator of declarations.
type config struct {
	all []declaration

	mu     sync.Mutex
	values []cty.Value
}

func (c *config) Walk(_ context.Context, visit lang.Visit) hcl.Diagnostics {
	c.values = make([]cty.Value, len(c.all))
	for n, d := range c.all {
		i := &lang.Instance{Addr: d.address(), Number: n, Type: d.kind}
		if d.on >= 0 {
			i.Machine, i.MachineKind = c.all[d.on].address().String(), c.all[d.on].kind
		}
		obj, _ := c.Evaluate(n)
		v, diags := visit(i, obj)
		if diags.HasErrors() {
			return diags
		}
		c.Set(n, v)
	}
	return nil
}

func (c *config) Set(n int, v cty.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	attrs := v.AsValueMap()
	attrs["kind"], attrs["addr"] = cty.StringVal(c.all[n].kind), cty.StringVal(c.all[n].address().String())
	attrs["key"] = cty.NullVal(cty.DynamicPseudoType)
	c.values[n] = cty.ObjectVal(attrs)
}

func (c *config) Evaluate(n int) (lang.Object, hcl.Diagnostics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.all[n]
	depends := bitset.Of(slices.Concat(d.uses, d.after)...)
	uses := []cty.Value{}
	for _, u := range d.uses {
		uses = append(uses, c.values[u])
	}
	attrs := map[string]cty.Value{"value": cty.StringVal(d.value), "seed": cty.StringVal(d.seed), "uses": cty.TupleVal(uses)}
	if d.follows != nil {
		attrs["value"] = d.follows(c.values)
	}
	if d.on >= 0 {
		attrs["on"], attrs["timeout"] = c.values[d.on], cty.NullVal(cty.String)
		depends.Add(d.on)
	}
	return lang.Object{Value: cty.ObjectVal(attrs), Depends: depends}, nil
}

func (c *config) Verify(int) hcl.Diagnostics { return nil }

func (c *config) Renamed(address string) (string, bool) { return address, false }

func (c *config) Removed() []lang.Removed { return nil }

func (c *config) Imports() ([]lang.Import, hcl.Diagnostics) { return nil, nil }

func (c *config) Outputs() (map[string]lang.Output, hcl.Diagnostics) { return nil, nil }

var errBroken = errors.New("it broke")
