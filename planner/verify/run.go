package verify

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
)

var runSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "command"}, {Name: "expect_failures"}},
	Blocks:     []hcl.BlockHeaderSchema{{Type: "variables"}, {Type: "assert"}, {Type: "world"}},
}

func (p *parser) run(b *hcl.Block) {
	r := &Run{Name: b.Labels[0], Range: b.DefRange}
	if slices.ContainsFunc(p.file.Runs, func(other *Run) bool { return other.Name == r.Name }) {
		p.errorf(b.DefRange, "Name given twice", "There is a run %q already: each needs a name of its own.", r.Name)
	}
	if !hclsyntax.ValidIdentifier(r.Name) {
		p.errorf(b.LabelRanges[0], "Invalid name", "%q is not a name: names have letters, digits, - and _, and begin with a letter.", r.Name)
	}
	content, diags := b.Body.Content(runSchema)
	p.report(diags...)
	p.command(r, content.Attributes["command"])
	p.expected(r, content.Attributes["expect_failures"])
	for _, inner := range content.Blocks {
		switch inner.Type {
		case "variables":
			r.variables = p.attributes(inner.Body)
		case "assert":
			p.assert(r, inner)
		case "world":
			p.world(r, inner)
		}
	}
	p.file.Runs = append(p.file.Runs, r)
}

func (p *parser) command(r *Run, a *hcl.Attribute) {
	if a == nil {
		return
	}
	switch hcl.ExprAsKeyword(a.Expr) {
	case "plan":
		r.PlanOnly = true
	case "apply":
	default:
		p.errorf(a.Expr.Range(), "Unknown command", "The command of a run is plan or apply, without quotes.")
	}
}

func (p *parser) assert(r *Run, b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "condition", Required: true}, {Name: "error_message", Required: true}}})
	p.report(diags...)
	if !diags.HasErrors() {
		r.asserts = append(r.asserts, assert{content.Attributes["condition"].Expr, content.Attributes["error_message"].Expr})
	}
}

func (p *parser) expected(r *Run, a *hcl.Attribute) {
	if a == nil {
		return
	}
	items, diags := hcl.ExprList(a.Expr)
	p.report(diags...)
	for _, item := range items {
		rng := item.Range()
		r.expected = append(r.expected, expectation{address: string(rng.SliceBytes(p.file.source.Bytes)), rng: rng})
		if _, diags := hcl.AbsTraversalForExpr(item); diags.HasErrors() {
			p.errorf(rng, "Invalid expectation", "expect_failures lists what must fail: var.NAME, check.NAME, or the address of a block or an instance, like node.pc[0].")
		}
	}
}

func (p *parser) world(r *Run, b *hcl.Block) {
	lists := map[string]*[]addr.Pattern{
		"gone": &r.Events.Gone, "drifted": &r.Events.Drifted, "rebooted": &r.Events.Rebooted,
		"unreachable": &r.Events.Unreachable, "failing": &r.Events.Failing,
	}
	schema := &hcl.BodySchema{}
	for name := range lists {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
	}
	content, diags := b.Body.Content(schema)
	p.report(diags...)
	for name, a := range content.Attributes {
		*lists[name] = p.patterns(name, a)
	}
}

// patterns reads a list of addresses, as strings.
func (p *parser) patterns(name string, a *hcl.Attribute) (list []addr.Pattern) {
	v, ok := p.value(a)
	if !ok {
		return nil
	}
	if !v.CanIterateElements() || v.Type().IsObjectType() || v.Type().IsMapType() {
		p.errorf(a.Expr.Range(), "Unsuitable value", "%s is a list of addresses: [\"node.pc[0]\"].", name)
		return nil
	}
	for _, element := range v.AsValueSlice() {
		if element.Type() != cty.String || element.IsNull() {
			p.errorf(a.Expr.Range(), "Unsuitable value", "%s is a list of addresses: [\"node.pc[0]\"].", name)
			continue
		}
		pattern, err := addr.ParsePattern(element.AsString())
		if err != nil {
			p.errorf(a.Expr.Range(), "Unsuitable value", "%s: %s.", name, err)
			continue
		}
		list = append(list, pattern)
	}
	return list
}
