package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// conditionalValue is `condition ? yes : no`. Each part is evaluated once. Where both are things, as machines, or both lists or maps of
// such, the one that is chosen stays as it is: what two blocks declare need not have a type in common, and would not be the same after a conversion.
func conditionalValue(x *hclsyntax.ConditionalExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	condition, diags := conditionOf(x, ctx)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	yes, yesDiags := x.TrueResult.Value(ctx)
	no, noDiags := x.FalseResult.Value(ctx)
	switch is, _ := condition.Unmark(); {
	case !is.IsKnown():
	case is.True():
		diags = append(diags, yesDiags...)
	default:
		diags = append(diags, noDiags...)
	}
	switch {
	case diags.HasErrors():
		return cty.DynamicVal, diags
	case condition.IsKnown() && yes.Type().IsPrimitiveType() && yes.Type() == no.Type():
		return choose(condition, yes, no).WithSameMarks(yes, no), diags
	case alike(yes, no):
		return choose(condition, yes, no), diags
	}
	plain := *x
	plain.Condition, plain.TrueResult, plain.FalseResult = literal(condition, x.Condition), literal(yes, x.TrueResult), literal(no, x.FalseResult)
	v, more := plain.Value(ctx)
	if more.HasErrors() {
		v, diags = x.Value(ctx) // its messages show more
		return v, hintAtList(diags, yes, no)
	}
	if !condition.IsKnown() {
		v = v.WithMarks(allMarks(yes), allMarks(no))
	}
	return v, append(diags, more...)
}

// conditionOf is true, false or unknown.
func conditionOf(x *hclsyntax.ConditionalExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Condition.Value(ctx)
	if diags.HasErrors() || v.Type() == cty.Bool && !v.IsNull() {
		return v, diags
	}
	alone := *x // converts it, or says what is wrong
	alone.TrueResult, alone.FalseResult = literal(cty.True, x.TrueResult), literal(cty.False, x.FalseResult)
	return alone.Value(ctx)
}

// literal is an expression that was evaluated.
func literal(v cty.Value, from hcl.Expression) hclsyntax.Expression {
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: from.Range()}
}

func allMarks(v cty.Value) cty.ValueMarks {
	_, marks := v.UnmarkDeep()
	return marks
}

// choose returns yes or no. The answer follows from the choice and from what was chosen; from both as long as nobody knows, and as to secrecy.
func choose(choice, yes, no cty.Value) cty.Value {
	is, why := choice.Unmark()
	chosen, other := yes, no
	switch {
	case !is.IsKnown():
		return cty.DynamicVal.WithMarks(why, allMarks(yes), allMarks(no))
	case is.False():
		chosen, other = no, yes
	}
	if other.HasMark(Sensitive) {
		chosen = chosen.Mark(Sensitive)
	}
	return chosen.WithMarks(why)
}

// hintAtList adds to errors what is to be done where one value is a thing and the other one a list of things.
func hintAtList(diags hcl.Diagnostics, a, b cty.Value) hcl.Diagnostics {
	formA, _ := thingsIn(a)
	formB, _ := thingsIn(b)
	if formA == formList && formB == formReference {
		a, formA, formB = b, formB, formA
	}
	if formA == formReference && formB == formList {
		a, _ = a.Unmark()
		diags[0].Detail += " Write [ ] around " + addressOf(a) + ", so that both are lists."
	}
	return diags
}

// alike says that two values are both things, or both lists or maps of things, one of which may be empty.
func alike(a, b cty.Value) bool {
	formA, hasA := thingsIn(a)
	formB, hasB := thingsIn(b)
	return formA == formB && formA != formLeaf && (hasA || hasB)
}

// allAlike says the same of several values, of which some may be null.
func allAlike(values []cty.Value) bool {
	var first cty.Value
	for _, v := range values {
		switch {
		case v.IsNull():
		case first == cty.NilVal:
			first = v
		case !alike(first, v):
			return false
		}
	}
	return first != cty.NilVal && alike(first, first)
}

// thingsIn says in which form v holds instances or Pacs: as one (formReference), as a list or as a map of them; formLeaf: it is something
// else. has: there is at least one.
func thingsIn(v cty.Value) (as form, has bool) {
	v, _ = v.Unmark()
	ty := v.Type()
	switch {
	case v.IsNull() || !v.IsKnown():
		return formLeaf, false
	case addressOf(v) != "":
		return formReference, true
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		as = formList
	case ty.IsObjectType() || ty.IsMapType():
		as = formMap
	default:
		return formLeaf, false
	}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		within, some := thingsIn(element)
		if within == formLeaf {
			return formLeaf, false
		}
		has = has || some
	}
	return as, has
}
