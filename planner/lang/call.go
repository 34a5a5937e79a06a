package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// decodeCall reads a pac block. Which inputs there may be is known only once its module is loaded.
func (l *loader) decodeCall(m *module, b *hcl.Block) {
	attrs, diags := b.Body.JustAttributes()
	l.report(diags...)
	c := &call{name: b.Labels[0], inputs: map[string]*expression{}, rng: b.DefRange}
	for _, name := range sortedKeys(attrs) {
		a := attrs[name]
		switch name {
		case "source":
			c.sourceRange = a.Expr.Range()
			l.constant(a, cty.String, func(v cty.Value) { c.source = v.AsString() })
		case "version":
			l.constant(a, cty.String, func(v cty.Value) { c.version = v.AsString() })
		case "count":
			c.repeat.count = newExpression(a.Expr)
		case "for_each":
			c.repeat.forEach = newExpression(a.Expr)
		case "depends_on":
			c.dependsOn = l.decodeDependsOn(a)
		default:
			c.inputs[name] = newExpression(a.Expr)
		}
	}
	if _, ok := attrs["source"]; !ok {
		l.report(errorf(&b.DefRange, "Missing source", "A pac block needs a source: a folder, \"./NAME\", a Pac that comes with viver, \"builtin/NAME\", or one to fetch, \"git::URL\" or \"oci://HOST/NAME:TAG\"."))
	}
	l.checkRepetition(c.repeat)
	if old, ok := m.callNames[c.name]; ok {
		l.declared("pac."+c.name, &old.rng, b.DefRange)
		return
	}
	m.callNames[c.name] = c
	m.calls = append(m.calls, c)
}

// checkInputs compares a call's inputs with the variables of its module, and the module's outputs with what every Pac has anyway.
func (l *loader) checkInputs(c *call) {
	for _, name := range objectAttributes {
		if o := c.callee.outputs[name]; o != nil {
			l.report(errorf(&o.rng, "Reserved name", "Every Pac has %q by itself; give the output another name.", name))
		}
	}
	for _, name := range sortedKeys(c.inputs) {
		if c.callee.variables[name] == nil {
			l.report(errorf(c.inputs[name].Range().Ptr(), "Unknown input", "The Pac %s has no variable %q.%s", c.source, name, suggest(name, sortedKeys(c.callee.variables))))
		}
	}
	for _, name := range sortedKeys(c.callee.variables) {
		if v := c.callee.variables[name]; v.fallback == cty.NilVal && c.inputs[name] == nil {
			l.report(errorf(&c.rng, "Missing input", "The Pac %s needs the input %q.", c.source, name))
		}
	}
}
