package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/bitset"
)

// moduleInstance is a module as one instance of a pac block calls it, or the root module.
type moduleInstance struct {
	e         *Evaluator
	module    *module
	path      addr.Module
	call      *callNode // nil: the root module
	key       addr.Key
	variables map[string]*vertex
	rules     []rule // validations that are not known to be kept
	locals    map[string]*vertex
	outputs   map[string]*vertex
	blocks    map[string]*blockNode
	calls     map[string]*callNode
	// whole is the value of the Pac: its outputs and identity. To have it, everything in the module is evaluated.
	whole   vertex
	members bitset.Set // instances within; complete once whole is evaluated
	base    bitset.Set // what all instances within depend on: depends_on and for_each of the pac blocks above
	needs   []Requirement
}

func newModuleInstance(e *Evaluator, m *module, path addr.Module, rng hcl.Range) *moduleInstance {
	mi := &moduleInstance{
		e: e, module: m, path: path,
		variables: map[string]*vertex{}, locals: map[string]*vertex{}, outputs: map[string]*vertex{},
		blocks: map[string]*blockNode{}, calls: map[string]*callNode{},
	}
	label := func(name string) string {
		if len(path) == 0 {
			return name
		}
		return path.String() + "." + name
	}
	mi.whole = vertex{label: path.String(), rng: rng, compute: mi.computeWhole}
	for name, l := range m.locals {
		mi.locals[name] = &vertex{label: label("local." + name), rng: l.rng, compute: func() result { return mi.eval(&l.value, nil) }}
	}
	for name, o := range m.outputs {
		mi.outputs[name] = &vertex{label: label("output." + name), rng: o.rng, compute: func() result { return mi.output(o) }}
	}
	for name, b := range m.byName {
		n := &blockNode{block: b, in: mi}
		n.vertex = vertex{label: label(name), rng: b.rng, compute: n.compute}
		mi.blocks[name] = n
	}
	for name, c := range m.callNames {
		mi.calls[name] = newCallNode(mi, c, label("pac."+name))
	}
	return mi
}

func (m *moduleInstance) output(o *output) result {
	r := m.eval(&o.value, nil)
	if len(o.dependsOn) > 0 {
		var depends bitset.Set
		r.ok = m.dependsOn(o.dependsOn, &depends) && r.ok
		r.value = r.value.Mark(dependencies{&depends})
	}
	if o.sensitive {
		r.value = r.value.Mark(Sensitive)
	}
	return r
}

// dependsOn adds all instances of the blocks and Pacs to depends.
func (m *moduleInstance) dependsOn(refs []reference, depends *bitset.Set) bool {
	ok := true
	for _, r := range refs {
		if r.root == pacKind {
			c := m.calls[r.name]
			ok = m.e.demand(&c.vertex).ok && ok
			for _, mi := range c.instances {
				depends.Or(mi.members)
			}
			continue
		}
		n := m.blocks[r.String()]
		ok = m.e.demand(&n.vertex).ok && ok
		for _, i := range n.instances {
			depends.Add(i.Number)
		}
	}
	return ok
}

// computeWhole evaluates everything in the module. After an error it goes on with what does not depend on it.
func (m *moduleInstance) computeWhole() result {
	if m.e.walking && !m.validate() {
		return failed()
	}
	r := result{stable: true, ok: true}
	need := func(v *vertex) cty.Value {
		got := m.e.demand(v)
		r.stable, r.ok = r.stable && got.stable, r.ok && got.ok
		return got.value
	}
	for _, b := range m.module.blocks {
		n := m.blocks[b.address()]
		need(&n.vertex)
		for _, i := range n.instances {
			m.members.Add(i.Number)
		}
	}
	for _, c := range m.module.calls {
		n := m.calls[c.name]
		need(&n.vertex)
		for _, mi := range n.instances {
			m.members.Or(mi.members)
		}
	}
	if m.e.walking {
		for _, name := range sortedKeys(m.locals) {
			need(m.locals[name])
		}
	}
	attrs := m.identity()
	for _, name := range sortedKeys(m.outputs) {
		attrs[name] = need(m.outputs[name])
	}
	r.value = cty.ObjectVal(attrs)
	return r
}

// identity returns what every Pac has beside its outputs. The address is marked with all members: who has the whole Pac depends on all of
// it, and who has an output on what the output came from.
func (m *moduleInstance) identity() map[string]cty.Value {
	return map[string]cty.Value{
		"kind": cty.StringVal(pacKind), "addr": cty.StringVal(m.path.String()).Mark(dependencies{&m.members}), "key": keyValue(m.key),
	}
}

// outputAlone returns the object have with one output more, which is evaluated by itself.
func (m *moduleInstance) outputAlone(name string, have cty.Value) result {
	attrs := map[string]cty.Value{}
	if have != cty.NilVal {
		attrs = have.AsValueMap()
	}
	r := result{stable: true, ok: true}
	if v, ok := m.outputs[name]; ok {
		r = m.e.demand(v)
		attrs[name] = r.value
	} else {
		attrs[name] = m.identity()[name]
	}
	r.value = cty.ObjectVal(attrs)
	return r
}

func keyValue(k addr.Key) cty.Value {
	if n, ok := k.Number(); ok {
		return cty.NumberIntVal(int64(n))
	}
	if s, ok := k.Text(); ok {
		return cty.StringVal(s)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// collection makes the value of a block or Pac with these instances.
func collection(r repetition, keys []addr.Key, values []cty.Value) cty.Value {
	switch {
	case r.none() && len(values) == 1 && keys[0].IsNone():
		return values[0]
	case r.count != nil && allNumbers(keys):
		return cty.TupleVal(values)
	}
	attrs := make(map[string]cty.Value, len(values))
	for i, v := range values {
		attrs[keys[i].Plain()] = v
	}
	return cty.ObjectVal(attrs)
}

// allNumbers reports whether keys are 0, 1, 2 and so on.
func allNumbers(keys []addr.Key) bool {
	for i, k := range keys {
		if n, ok := k.Number(); !ok || n != i {
			return false
		}
	}
	return true
}
