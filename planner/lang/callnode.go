package lang

import (
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
)

// callNode is a pac block in one instance of its module.
type callNode struct {
	call      *call
	in        *moduleInstance
	vertex    vertex // the value: one Pac's, or the collection of all
	expansion vertex // makes instances; the value says nothing
	expanded  bool
	instances []*moduleInstance
	keys      []addr.Key
	repeated  repeated
	inputs    map[string]*vertex // those that are the same in all instances
	contexts  map[string]*scope  // of the others
}

func newCallNode(in *moduleInstance, c *call, label string) *callNode {
	n := &callNode{call: c, in: in, inputs: map[string]*vertex{}, contexts: map[string]*scope{}}
	n.vertex = vertex{label: label, rng: c.rng, compute: n.compute}
	n.expansion = vertex{label: label, rng: c.rng, compute: n.expand}
	for name, x := range c.inputs {
		if !x.perInstance() {
			n.inputs[name] = n.inputVertex(label, name, nil)
			continue
		}
		n.contexts[name] = &scope{}
	}
	return n
}

// expand makes the module's instances, once; later it evaluates for_each again.
func (n *callNode) expand() result {
	if !n.expanded && !n.in.e.walking {
		return failed() // an error of the Walk
	}
	var ok bool
	if n.repeated, ok = n.in.repeat(n.call.repeat); !ok {
		return failed()
	}
	if n.expanded {
		return result{value: cty.EmptyObjectVal, stable: n.repeated.stable, ok: true}
	}
	base := n.in.base.Clone()
	base.Or(n.repeated.depends)
	if !n.in.dependsOn(n.call.dependsOn, &base) {
		return failed()
	}
	n.keys = n.repeated.keys
	for _, k := range n.keys {
		mi := newModuleInstance(n.in.e, n.call.callee, n.in.path.Child(n.call.name, k), n.call.rng)
		mi.call, mi.key, mi.base = n, k, base
		for name, v := range n.call.callee.variables {
			mi.variables[name] = n.variable(mi, v)
		}
		n.instances = append(n.instances, mi)
	}
	n.expanded = true
	return result{value: cty.EmptyObjectVal, stable: n.repeated.stable, ok: true}
}

func (n *callNode) compute() result {
	if r := n.in.e.demand(&n.expansion); !r.ok {
		return r
	}
	r := result{stable: true, ok: true}
	var values []cty.Value
	for _, mi := range n.instances {
		got := n.in.e.demand(&mi.whole)
		r.stable, r.ok = r.stable && got.stable, r.ok && got.ok
		values = append(values, got.value)
	}
	if !r.ok {
		return failed()
	}
	r.value = collection(n.call.repeat, n.keys, values)
	return r
}

// variable returns the vertex of a variable of mi.
func (n *callNode) variable(mi *moduleInstance, v *variable) *vertex {
	if shared, ok := n.inputs[v.name]; ok {
		return shared
	}
	label := mi.path.String()
	if n.call.inputs[v.name] != nil {
		return n.inputVertex(label, v.name, mi)
	}
	return &vertex{label: label + ".var." + v.name, rng: v.rng, compute: func() result { return v.finish(v.fallback) }}
}

// inputVertex evaluates an input where the pac block stands, for one instance of the Pac or for all (mi is nil).
func (n *callNode) inputVertex(label, name string, mi *moduleInstance) *vertex {
	x, c := n.call.inputs[name], n.contexts[name]
	if c == nil {
		c = &scope{}
	}
	return &vertex{label: label + ".var." + name, rng: x.Range(), compute: func() result {
		var vars variables
		if mi != nil {
			if r := n.in.e.demand(&n.expansion); !r.ok {
				return r
			}
			vars = n.repeated.variables(mi.key)
		}
		r := n.in.evalIn(c, x, vars)
		if !r.ok {
			return r
		}
		v := n.call.callee.variables[name]
		value, err := v.accept(r.value)
		if err != nil {
			n.in.e.reportOnce(errorf(x.Range().Ptr(), "Unsuitable input", "The input %q of the Pac %s does not fit: %s.", name, n.call.source, err))
			return failed()
		}
		out := v.finish(value)
		out.stable = r.stable
		return out
	}}
}
