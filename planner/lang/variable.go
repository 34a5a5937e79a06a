package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// reservedInputs are arguments of a pac block that cannot be names of variables.
var reservedInputs = [...]string{"source", "version", "count", "for_each", "depends_on"}

// variable is one variable block.
type variable struct {
	name        string
	typ         *constraint
	untyped     bool
	fallback    cty.Value // cty.NilVal: required
	sensitive   bool
	nullable    bool
	validations []condition
	rng         hcl.Range
}

func (l *loader) decodeVariable(m *module, b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{
			{Name: "type"}, {Name: "default"}, {Name: "description"}, {Name: "sensitive"}, {Name: "nullable"},
		},
		Blocks: []hcl.BlockHeaderSchema{{Type: "validation"}},
	})
	l.report(diags...)
	v := &variable{name: b.Labels[0], nullable: true, typ: anyConstraint(), rng: b.DefRange}
	a, typed := content.Attributes["type"]
	v.untyped = !typed
	if typed {
		t, diags := l.decodeType(a.Expr)
		l.report(diags...)
		if t != nil {
			v.typ = t
		}
	}
	l.constant(content.Attributes["description"], cty.String, func(cty.Value) {})
	l.constant(content.Attributes["sensitive"], cty.Bool, func(x cty.Value) { v.sensitive = x.True() })
	l.constant(content.Attributes["nullable"], cty.Bool, func(x cty.Value) { v.nullable = x.True() })
	l.decodeDefault(v, content.Attributes["default"])
	for _, c := range content.Blocks {
		if cond, ok := l.decodeCondition(c); ok {
			v.validations = append(v.validations, cond)
		}
	}
	l.declareVariable(m, v, b)
}

func (l *loader) declareVariable(m *module, v *variable, b *hcl.Block) {
	for _, r := range reservedInputs {
		if v.name == r {
			l.report(errorf(&b.LabelRanges[0], "Reserved name", "%q is an argument of every pac block; give the variable another name.", r))
			return
		}
	}
	if old, ok := m.variables[v.name]; ok {
		l.declared("variable "+v.name, &old.rng, b.DefRange)
		return
	}
	m.variables[v.name] = v
}

func (l *loader) decodeDefault(v *variable, a *hcl.Attribute) {
	if a == nil {
		return
	}
	if vars := a.Expr.Variables(); len(vars) > 0 {
		l.report(errorf(vars[0].SourceRange().Ptr(), "Constant expected", "A default must be written out: it cannot refer to anything."))
		return
	}
	x, diags := a.Expr.Value(nil)
	l.report(diags...)
	if diags.HasErrors() {
		return
	}
	v.fallback = x
	x, err := v.typ.convert(v.fallback)
	switch {
	case err != nil:
		l.report(errorf(a.Expr.Range().Ptr(), "Unsuitable default", "The default of variable %q does not fit its type: %s.", v.name, err))
	case x.IsNull() && !v.nullable:
		l.report(errorf(a.Expr.Range().Ptr(), "Unsuitable default", "Variable %q is not nullable, so its default cannot be null.", v.name))
	default:
		v.fallback = x
	}
}
