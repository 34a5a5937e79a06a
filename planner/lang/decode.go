package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// decodeBody reads one file's blocks into m.
func (l *loader) decodeBody(m *module, body hcl.Body) {
	schema := &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "locals"},
		{Type: "output", LabelNames: []string{"name"}},
		{Type: "check", LabelNames: []string{"name"}},
		{Type: pacKind, LabelNames: []string{"name"}},
		{Type: stepKind, LabelNames: []string{"type", "name"}},
		{Type: "moved"},
		{Type: "removed"},
		{Type: "import"},
	}}
	for _, kind := range l.kinds {
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: kind, LabelNames: []string{"name"}})
	}
	// hcl suggests the first name that is near: "server" for "sever" must come before "viver".
	schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: "viver"})
	content, diags := body.Content(schema)
	l.report(diags...)
	for _, b := range content.Blocks {
		if !l.validLabels(b) {
			continue
		}
		switch b.Type {
		case "viver":
			l.decodeSettings(m, b)
		case "variable":
			l.decodeVariable(m, b)
		case "locals":
			l.decodeLocals(m, b)
		case "output":
			l.decodeOutput(m, b)
		case "check":
			l.decodeCheck(m, b)
		case pacKind:
			l.decodeCall(m, b)
		case "moved":
			l.decodeMoved(m, b)
		case "removed":
			l.decodeRemoved(m, b)
		case "import":
			l.decodeImport(m, b)
		default:
			l.decodeBlock(m, b)
		}
	}
}

// declared reports a second declaration of a name.
func (l *loader) declared(what string, first *hcl.Range, again hcl.Range) {
	l.report(errorf(&again, "Declared twice", "%s: declared at %s already. Names are unique within a module.", what, first))
}

func (l *loader) decodeLocals(m *module, b *hcl.Block) {
	attrs, diags := b.Body.JustAttributes()
	l.report(diags...)
	for _, name := range sortedKeys(attrs) {
		a := attrs[name]
		if old, ok := m.locals[name]; ok {
			l.declared("local."+name, &old.rng, a.NameRange)
			continue
		}
		m.locals[name] = &local{value: *newExpression(a.Expr), rng: a.NameRange}
	}
}

func (l *loader) decodeOutput(m *module, b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{
		{Name: "value", Required: true}, {Name: "description"}, {Name: "sensitive"}, {Name: "depends_on"},
	}})
	l.report(diags...)
	o := &output{name: b.Labels[0], rng: b.DefRange}
	if a, ok := content.Attributes["value"]; ok {
		o.value = *newExpression(a.Expr)
	}
	l.constant(content.Attributes["description"], cty.String, func(v cty.Value) { o.description = v.AsString() })
	l.constant(content.Attributes["sensitive"], cty.Bool, func(v cty.Value) { o.sensitive = v.True() })
	o.dependsOn = l.decodeDependsOn(content.Attributes["depends_on"])
	switch old, ok := m.outputs[o.name]; {
	case ok:
		l.declared("output "+o.name, &old.rng, b.DefRange)
	case o.value.Expression != nil:
		m.outputs[o.name] = o
	}
}

func (l *loader) decodeCheck(m *module, b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "assert"}}})
	l.report(diags...)
	c := &check{name: b.Labels[0], rng: b.DefRange}
	for _, a := range content.Blocks {
		if cond, ok := l.decodeCondition(a); ok {
			c.asserts = append(c.asserts, cond)
		}
	}
	if len(content.Blocks) == 0 {
		l.report(errorf(&b.DefRange, "Check of nothing", "A check needs at least one assert block with a condition and an error_message."))
	}
	for _, old := range m.checks {
		if old.name == c.name {
			l.declared("check "+c.name, &old.rng, b.DefRange)
			return
		}
	}
	m.checks = append(m.checks, c)
}

// decodeCondition reads condition and error_message of an assert or a validation block.
func (l *loader) decodeCondition(b *hcl.Block) (condition, bool) {
	content, diags := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{
		{Name: "condition", Required: true}, {Name: "error_message", Required: true},
	}})
	l.report(diags...)
	holds, message := content.Attributes["condition"], content.Attributes["error_message"]
	if holds == nil || message == nil {
		return condition{}, false
	}
	return condition{holds: *newExpression(holds.Expr), message: *newExpression(message.Expr)}, true
}

// decodeDependsOn reads a list of references to blocks and Pacs; a may be nil.
func (l *loader) decodeDependsOn(a *hcl.Attribute) []reference {
	if a == nil {
		return nil
	}
	items, diags := hcl.ExprList(a.Expr)
	l.report(diags...)
	var refs []reference
	for _, item := range items {
		t, diags := hcl.AbsTraversalForExpr(item)
		l.report(diags...)
		if diags.HasErrors() {
			continue
		}
		r := newReference(t)
		if !l.isBlockRoot(r.root) || r.malformed || len(r.rest) > 0 {
			l.report(errorf(item.Range().Ptr(), "Invalid depends_on", "depends_on lists whole blocks, like node.pc or pac.boot, without keys and attributes."))
			continue
		}
		refs = append(refs, r)
	}
	return refs
}

func (l *loader) isBlockRoot(root string) bool {
	_, isKind := l.Schemas[root]
	return isKind || root == pacKind || root == stepKind
}

// constant evaluates an attribute in which nothing can be referred to, and hands its value to use; a may be nil.
func (l *loader) constant(a *hcl.Attribute, want cty.Type, use func(cty.Value)) {
	if a == nil {
		return
	}
	if vars := a.Expr.Variables(); len(vars) > 0 {
		l.report(errorf(vars[0].SourceRange().Ptr(), "Constant expected", "%q must be written out: it is read before anything is evaluated.", a.Name))
		return
	}
	v, diags := a.Expr.Value(nil)
	l.report(diags...)
	if diags.HasErrors() {
		return
	}
	v, err := convert.Convert(v, want)
	if err != nil || v.IsNull() || !v.IsWhollyKnown() {
		l.report(errorf(a.Expr.Range().Ptr(), "Unsuitable value", "%q wants a %s.", a.Name, want.FriendlyName()))
		return
	}
	use(v)
}
