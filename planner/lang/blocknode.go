package lang

import (
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/bitset"
)

// blockNode is a block in one instance of its module.
type blockNode struct {
	block     *block
	in        *moduleInstance
	vertex    vertex // the value: one object, or the collection of all instances
	expanded  bool   // all instances were visited
	repeated  repeated
	again     stamp // until when repeated is good
	instances []*instance
	keys      []addr.Key

	context   scope // of the arguments, each, count and self excepted
	onContext scope // of `on`
	constants map[string]*constant

	unknownBlocks bool // a dynamic block was met of which it is not known how many blocks it makes
}

// constant is an argument that is the same in all instances.
type constant struct {
	argument argument
	stamp    stamp
}

// instance is the inner side of an Instance.
type instance struct {
	Instance
	result // value is object, marked with the instance's own dependency
	object cty.Value
	node   *blockNode
	slot   slot
	known  map[string]bool // arguments that nothing unknown went into
}

// slot is the place of one instance among those of its block.
type slot struct {
	key     addr.Key  // of the instance
	repeat  addr.Key  // in count or for_each
	machine *instance // of a step
	depends bitset.Set
}

// compute makes the block's instances, once, and the value of all of them.
func (n *blockNode) compute() result {
	if !n.expanded {
		// After a Walk with errors there are blocks without instances. They get none any more.
		if n.expanded = n.in.e.walking && n.expand(); !n.expanded {
			return failed()
		}
	}
	r := result{stable: true, ok: true}
	values := make([]cty.Value, len(n.instances))
	for i, inst := range n.instances {
		r.stable, r.ok = r.stable && inst.stable, r.ok && inst.ok
		values[i] = inst.value
	}
	if !r.ok {
		return failed()
	}
	r.value = collection(n.block.repeat, n.keys, values)
	return r
}

// expand finds out which instances there are, and visits each.
func (n *blockNode) expand() bool {
	slots, ok := n.slots()
	if !ok {
		return false
	}
	for _, s := range slots {
		if n.in.e.interrupted() {
			return false
		}
		i := &instance{node: n, slot: s}
		i.Instance = Instance{
			Addr: addr.Instance{Module: n.in.path, Type: n.block.kind, Name: n.block.name, Key: s.key},
			Type: n.block.kind, Range: n.block.rng,
		}
		if s.machine != nil {
			i.Machine, i.MachineKind = s.machine.Addr.String(), s.machine.Type
			i.Requires = n.in.requirements()
		}
		if !n.visit(i) {
			ok = false
			continue
		}
		n.instances, n.keys = append(n.instances, i), append(n.keys, s.key)
	}
	return ok
}

// visit evaluates an instance and shows it to the caller of Walk.
func (n *blockNode) visit(i *instance) bool {
	e := n.in.e
	o, known, ok := n.arguments(i)
	if !ok {
		return false
	}
	i.Number, i.known = len(e.instances), known
	public := i.Instance
	v, diags := e.visit(&public, o)
	e.report(diags...)
	if diags.HasErrors() {
		return false
	}
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() || !v.Type().IsObjectType() {
		v = o.Value
	}
	e.instances = append(e.instances, i)
	e.byAddress[i.Addr.String()] = i
	i.take(v, false)
	return n.postconditions(i)
}

// take makes v, an object of arguments and computed attributes, the value of i. final says that the arguments are no longer
// those that were evaluated, but those that were applied.
func (i *instance) take(v cty.Value, final bool) {
	attrs := map[string]cty.Value{}
	if v != cty.NilVal && !v.IsNull() && v.IsKnown() && v.Type().IsObjectType() {
		unmarked, _ := v.Unmark()
		attrs = unmarked.AsValueMap()
		if attrs == nil {
			attrs = map[string]cty.Value{}
		}
	}
	stable := true
	for name, a := range i.node.block.schema.Attributes {
		got, ok := attrs[name]
		if !ok {
			got = cty.UnknownVal(a.Type)
			attrs[name] = got
		}
		if final || a.Computed || !i.known[name] {
			stable = stable && got.IsWhollyKnown()
		}
	}
	for name, known := range i.known {
		if _, isAttribute := i.node.block.schema.Attributes[name]; !isAttribute && !known {
			stable = stable && attrs[name] != cty.NilVal && attrs[name].IsWhollyKnown()
		}
	}
	attrs["kind"] = cty.StringVal(i.Type)
	attrs["addr"] = cty.StringVal(i.Addr.String())
	attrs["key"] = keyValue(i.Addr.Key)
	i.object = cty.ObjectVal(attrs)
	i.result = result{value: i.object.Mark(dependency(i.Number)), stable: stable, ok: true}
}

// slots evaluates count, for_each and on.
func (n *blockNode) slots() ([]slot, bool) {
	var ok bool
	if n.repeated, ok = n.in.repeat(n.block.repeat); !ok {
		return nil, false
	}
	n.again = n.in.e.stamp(n.repeated.stable)
	base := n.in.base.Clone()
	base.Or(n.repeated.depends)
	var before bitset.Set
	if !n.in.dependsOn(n.block.dependsOn, &before) {
		return nil, false
	}
	if n.block.on != nil {
		return n.stepSlots(base, n.in.e.sortByNode(before))
	}
	base.Or(before)
	var slots []slot
	for _, k := range n.repeated.keys {
		slots = append(slots, slot{key: k, repeat: k, depends: base})
	}
	return slots, true
}

// variables returns each, count and self of an instance, as they are now.
func (n *blockNode) variables(s slot) (vars variables, ok bool) {
	e := n.in.e
	if n.repeated.forEach != cty.NilVal && !e.valid(n.again) {
		if n.repeated, ok = n.in.repeat(n.block.repeat); !ok {
			return nil, false
		}
		n.again = e.stamp(n.repeated.stable)
	}
	vars = n.repeated.variables(s.repeat)
	if s.machine != nil {
		if vars == nil {
			vars = variables{}
		}
		vars["self"] = s.machine.value
	}
	return vars, true
}
