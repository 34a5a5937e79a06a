package lang

import (
	"errors"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/bitset"
)

// Lifecycle is how an instance wants to be treated when it changes. The zero Lifecycle is that of a block which says nothing of it.
type Lifecycle struct {
	// Protect refuses to destroy or replace the instance.
	Protect bool
	// Ignore are arguments in which a difference to what is remembered does not count; IgnoreAll means all of them.
	Ignore    []string
	IgnoreAll bool
	// ReplacedBy are other instances whose changes ask for a replacement of this one.
	ReplacedBy []Trigger
}

// Trigger is one entry of replace_triggered_by.
type Trigger struct {
	Instances bitset.Set // by number
	Attribute string     // the one that counts; empty: each change of these instances does
	Range     hcl.Range
}

// lifecycle is the lifecycle block of a block, and its argument protect.
type lifecycle struct {
	protect   *expression
	fixed     Lifecycle // what is the same for all instances
	triggers  []trigger
	before    []condition // precondition blocks
	after     []condition // postcondition blocks; self is the instance
	afterRefs []reference
}

type trigger struct {
	expression
	attribute string
}

const lifecycleBlock = "lifecycle"

// decodeLifecycle reads lifecycle { }, and says why it has not all that Terraform has there. What instances refer to in it is among
// the references of b, postconditions excepted: those are evaluated when the instance is there.
func (l *loader) decodeLifecycle(b *block, raw *hcl.Block) {
	content, diags := raw.Body.Content(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "ignore_changes"}, {Name: "replace_triggered_by"}, {Name: "create_before_destroy"}, {Name: "prevent_destroy"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "precondition"}, {Type: "postcondition"}},
	})
	l.report(diags...)
	if a := content.Attributes["prevent_destroy"]; a != nil {
		l.report(errorf(&a.NameRange, "Unsupported argument", "Write protect = true in the block itself, beside its other arguments: it is then remembered, and counts also when the block is taken out of the configuration."))
	}
	if a := content.Attributes["create_before_destroy"]; a != nil {
		l.report(errorf(&a.NameRange, "Unsupported argument", "%s has a name or an address that only one can have at a time, so a replacement cannot be there before. Take the argument out; to change machines a few at a time use a rollout block.", b.address()))
	}
	l.decodeIgnore(b, content.Attributes["ignore_changes"])
	l.decodeTriggers(b, content.Attributes["replace_triggered_by"])
	for _, c := range content.Blocks {
		cond, ok := l.decodeCondition(c)
		switch {
		case !ok:
		case c.Type == "precondition":
			b.life.before = append(b.life.before, cond)
			b.refs = append(b.refs, cond.refs()...)
		default:
			b.life.after = append(b.life.after, cond)
			b.life.afterRefs = append(b.life.afterRefs, cond.refs()...)
		}
	}
}

func (c condition) refs() []reference { return append(slices.Clone(c.holds.refs), c.message.refs...) }

func (l *loader) decodeIgnore(b *block, a *hcl.Attribute) {
	if a == nil {
		return
	}
	if hcl.ExprAsKeyword(a.Expr) == "all" {
		b.life.fixed.IgnoreAll = true
		return
	}
	items, diags := hcl.ExprList(a.Expr)
	l.report(diags...)
	exist := slices.DeleteFunc(attributeNames(b.schema), func(name string) bool { a := b.schema.Attributes[name]; return a != nil && a.Computed })
	for _, item := range items {
		name := hcl.ExprAsKeyword(item)
		switch {
		case name == "":
			l.report(errorf(item.Range().Ptr(), "Invalid ignore_changes", "ignore_changes lists names of whole arguments, like [name, mac], or is the word all."))
		case !slices.Contains(exist, name):
			l.report(errorf(item.Range().Ptr(), "Unknown argument", "%s has no argument %q.%s", b.address(), name, suggest(name, exist)))
		default:
			b.life.fixed.Ignore = append(b.life.fixed.Ignore, name)
		}
	}
}

func (l *loader) decodeTriggers(b *block, a *hcl.Attribute) {
	if a == nil {
		return
	}
	items, diags := hcl.ExprList(a.Expr)
	l.report(diags...)
	for _, item := range items {
		if abs, diags := hcl.AbsTraversalForExpr(item); !diags.HasErrors() { // also a plain string in JSON
			item = &hclsyntax.ScopeTraversalExpr{Traversal: abs, SrcRange: item.Range()}
		}
		t := trigger{expression: *newExpression(item)}
		if len(t.refs) == 0 || !l.isBlockRoot(t.refs[0].root) {
			l.report(errorf(item.Range().Ptr(), "Invalid replace_triggered_by", "replace_triggered_by lists other blocks or attributes of them, like image.desk or node.pc[each.key].mac."))
			continue
		}
		t.attribute = triggerAttribute(item)
		b.life.triggers = append(b.life.triggers, t)
		b.refs = append(b.refs, t.refs...)
	}
}

// triggerAttribute returns the attribute in a reference like node.pc[each.key].mac; none if it is about all of an instance or block.
func triggerAttribute(x hcl.Expression) string {
	switch x := x.(type) {
	case *hclsyntax.RelativeTraversalExpr:
		if a, ok := x.Traversal[0].(hcl.TraverseAttr); ok {
			return a.Name
		}
	case *hclsyntax.ScopeTraversalExpr:
		r := newReference(x.Traversal)
		if name, ok := instanceAttribute(r, true); ok {
			return name
		}
		name, _ := instanceAttribute(r, false)
		return name
	}
	return ""
}

// lifecycleOf evaluates what an instance's lifecycle says. Instances that can trigger a replacement are added to depends.
func (n *blockNode) lifecycleOf(ctx, mine *hcl.EvalContext, depends *bitset.Set) (Lifecycle, bool) {
	life := n.block.life
	out := life.fixed
	if life.protect != nil {
		a := n.argument("protect", life.protect.perInstance(), ctx, mine, func(ctx *hcl.EvalContext) argument { return n.protect(life.protect, ctx) })
		if !a.ok {
			return out, false
		}
		out.Protect = a.value.True()
		depends.Or(a.depends)
	}
	for _, t := range life.triggers {
		v, diags := t.Value(mine)
		n.in.e.reportOnce(diags...)
		if diags.HasErrors() {
			return out, false
		}
		by := Trigger{Attribute: t.attribute, Range: t.Range()}
		split(v, &by.Instances)
		depends.Or(by.Instances)
		out.ReplacedBy = append(out.ReplacedBy, by)
	}
	return out, true
}

// protect evaluates the argument protect: true or false, and known when planning.
func (n *blockNode) protect(x *expression, ctx *hcl.EvalContext) argument {
	v, diags := x.Value(ctx)
	if !n.accept(diags) {
		return argument{value: cty.DynamicVal}
	}
	a := n.settle(v, true)
	v, _ = a.value.Unmark()
	v, err := convert.Convert(v, cty.Bool)
	if err != nil || v.IsNull() || !v.IsKnown() {
		n.in.e.reportOnce(unsuitable(x, ctx, "protect", errors.New("true or false is wanted, known when planning")))
		return argument{value: cty.DynamicVal}
	}
	a.value = v
	return a
}
