package lang

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// variables are the names that differ between instances: each, count, self.
type variables map[string]cty.Value

// eval evaluates an expression in a module, with vars added. A nil vars will do where e mentions none of them.
func (m *moduleInstance) eval(x *expression, vars variables) result {
	return m.evalIn(&scope{}, x, vars)
}

// evalIn is like eval, for expressions that are evaluated often: c keeps what is the same each time.
func (m *moduleInstance) evalIn(c *scope, x *expression, vars variables) result {
	if !m.refresh(c, x.refs) {
		return failed()
	}
	v, diags := x.Value(within(c.hcl, vars))
	m.e.reportOnce(diags...)
	return result{value: v, stable: c.stamp.stable, ok: !diags.HasErrors()}
}

// scope is a context for expressions, and until when it is good.
type scope struct {
	hcl   *hcl.EvalContext
	ok    bool
	stamp stamp
}

// refresh makes c good for expressions with these references, which are the same at each call.
func (m *moduleInstance) refresh(c *scope, refs []reference) (ok bool) {
	if !m.e.valid(c.stamp) || !c.ok && !m.e.walking {
		var stable bool
		c.hcl, stable, c.ok = m.scope(refs)
		c.stamp = m.e.stamp(stable)
	}
	return c.ok
}

// within returns a context that has vars, too.
func within(ctx *hcl.EvalContext, vars variables) *hcl.EvalContext {
	if len(vars) == 0 {
		return ctx
	}
	child := ctx.NewChild()
	child.Variables = vars
	return child
}

// scope makes the context in which expressions with these references are evaluated: all that they mention and nothing else, each,
// count and self excepted.
func (m *moduleInstance) scope(refs []reference) (ctx *hcl.EvalContext, stable, ok bool) {
	names := map[string]map[string]cty.Value{}
	put := func(root, name string, v cty.Value) {
		if names[root] == nil {
			names[root] = map[string]cty.Value{}
		}
		names[root][name] = v
	}
	stable, ok = true, true
	for _, r := range refs {
		if r.root == callRoot {
			stable = stable && !(m.e.planning() && r.isChanging())
			continue
		}
		if r.isInstance() {
			continue
		}
		var got result
		if r.root == pacKind {
			got = m.pacReference(r, names[pacKind][r.name])
		} else {
			got = m.reference(r)
		}
		stable, ok = stable && got.stable, ok && got.ok
		put(r.root, r.name, got.value)
	}
	ctx = &hcl.EvalContext{Variables: map[string]cty.Value{sharedName: newSharedResults()}, Functions: m.e.functionsOf(m.module.dir)}
	for root, values := range names {
		ctx.Variables[root] = nest(values)
	}
	return ctx, stable, ok
}

// nest makes an object of values; names with a dot ("file.motd") become objects within it.
func nest(values map[string]cty.Value) cty.Value {
	top, inner := map[string]cty.Value{}, map[string]map[string]cty.Value{}
	for name, v := range values {
		outer, rest, dotted := strings.Cut(name, ".")
		if !dotted {
			top[name] = v
			continue
		}
		if inner[outer] == nil {
			inner[outer] = map[string]cty.Value{}
		}
		inner[outer][rest] = v
	}
	for name, values := range inner {
		top[name] = nest(values)
	}
	return cty.ObjectVal(top)
}

func (m *moduleInstance) reference(r reference) result {
	switch r.root {
	case "path":
		return result{value: cty.StringVal(m.folder(r.name)), stable: true, ok: true}
	case "var":
		return m.e.demand(m.variables[r.name])
	case "local":
		return m.e.demand(m.locals[r.name])
	default:
		return m.e.demand(&m.blocks[r.String()].vertex)
	}
}

func (m *moduleInstance) folder(name string) string {
	if name == "root" {
		return filepath.ToSlash(m.e.config.root.dir.Path)
	}
	return filepath.ToSlash(m.module.dir.Path)
}

// pacReference evaluates no more of a Pac than the one output that r names, where it names one. have is the object of what other
// references of the expression named, or cty.NilVal.
func (m *moduleInstance) pacReference(r reference, have cty.Value) result {
	c := m.calls[r.name]
	name, ok := r.attribute()
	if !ok || !c.call.repeat.none() {
		return m.e.demand(&c.vertex)
	}
	if have != cty.NilVal && (!have.Type().IsObjectType() || have.Type().HasAttribute(name)) {
		return result{value: have, stable: true, ok: true} // the whole Pac, or this output of it, is there already
	}
	if r := m.e.demand(&c.expansion); !r.ok {
		return r
	}
	return c.instances[0].outputAlone(name, have)
}
