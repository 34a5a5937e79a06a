package lang

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// What stands in loops within loops is evaluated a million times. For the common cases of templates, loops, sums and joins there is a way here that
// comes to the same as hcl's with less work; all others, and all errors, are left to hcl.

// templateValue puts the parts of a template together. Each is evaluated once, also where the template is not known.
func templateValue(x *hclsyntax.TemplateExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	var text strings.Builder
	var marks []cty.ValueMarks
	values := make([]cty.Value, len(x.Parts))
	plain := true
	for i, part := range x.Parts {
		v, more := part.Value(ctx)
		diags, values[i] = append(diags, more...), v
		if v.IsMarked() {
			var m cty.ValueMarks
			v, m = v.Unmark()
			marks = append(marks, m)
		}
		plain = plain && writeText(&text, v)
	}
	switch {
	case diags.HasErrors():
		return cty.UnknownVal(cty.String), diags
	case plain:
		return cty.StringVal(text.String()).WithMarks(marks...), diags
	}
	t := *x
	t.Parts = make([]hclsyntax.Expression, len(values))
	for i, v := range values {
		t.Parts[i] = &hclsyntax.LiteralValueExpr{Val: v, SrcRange: x.Parts[i].Range()}
	}
	v, more := t.Value(ctx)
	if more.HasErrors() {
		return x.Value(ctx) // its messages show more
	}
	return v, append(diags, more...)
}

// writeText writes a known string, whole number or truth value as templates do; false: it is something else.
func writeText(b *strings.Builder, v cty.Value) bool {
	if !v.IsKnown() || v.IsNull() {
		return false
	}
	switch v.Type() {
	case cty.String:
		b.WriteString(v.AsString())
	case cty.Bool:
		b.WriteString(strconv.FormatBool(v.True()))
	case cty.Number:
		n, ok := smallInteger(v.AsBigFloat())
		if !ok {
			return false
		}
		b.Write(strconv.AppendInt(make([]byte, 0, 20), n, 10))
	default:
		return false
	}
	return true
}

// smallInteger returns a whole number that is written with all its digits, whatever its precision.
func smallInteger(f *big.Float) (n int64, ok bool) {
	const most = 1 << 53
	n, accuracy := f.Int64()
	return n, accuracy == big.Exact && -most < n && n < most && f.Prec() >= 53 && (n != 0 || !f.Signbit())
}

// loopValue is `[for v in collection : value]`, which has neither keys nor a condition.
func loopValue(x *hclsyntax.ForExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	collection, diags := x.CollExpr.Value(ctx)
	unmarked, marks := collection.Unmark()
	if ty := unmarked.Type(); diags.HasErrors() || unmarked.IsNull() || !unmarked.IsKnown() || !ty.IsListType() && !ty.IsTupleType() {
		loop := *x
		loop.CollExpr = &hclsyntax.LiteralValueExpr{Val: collection, SrcRange: x.CollExpr.Range()}
		v, more := loop.Value(ctx)
		return v, append(diags, more...)
	}
	values := unmarked.AsValueSlice()
	for i, v := range values {
		round := ctx.NewChild()
		round.Variables = map[string]cty.Value{x.ValVar: v}
		var more hcl.Diagnostics
		values[i], more = x.ValExpr.Value(round)
		diags = append(diags, more...)
	}
	return cty.TupleVal(values).WithMarks(marks), diags
}

func isPlainLoop(x *hclsyntax.ForExpr) bool {
	return x.KeyExpr == nil && x.CondExpr == nil && x.KeyVar == ""
}

// sumValue adds, subtracts or multiplies two numbers.
func sumValue(x *hclsyntax.BinaryOpExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	left, diags := x.LHS.Value(ctx)
	right, more := x.RHS.Value(ctx)
	diags = append(diags, more...)
	if !diags.HasErrors() && isFinite(left) && isFinite(right) {
		switch x.Op {
		case hclsyntax.OpAdd:
			return left.Add(right), diags
		case hclsyntax.OpSubtract:
			return left.Subtract(right), diags
		}
		return left.Multiply(right), diags
	}
	if diags.HasErrors() {
		return cty.UnknownVal(x.Op.Type), diags
	}
	sum := *x
	sum.LHS = &hclsyntax.LiteralValueExpr{Val: left, SrcRange: x.LHS.Range()}
	sum.RHS = &hclsyntax.LiteralValueExpr{Val: right, SrcRange: x.RHS.Range()}
	v, more := sum.Value(ctx)
	if more.HasErrors() {
		return x.Value(ctx)
	}
	return v, append(diags, more...)
}

func isFinite(v cty.Value) bool {
	return v.Type() == cty.Number && !v.IsMarked() && v.IsKnown() && !v.IsNull() && !v.AsBigFloat().IsInf()
}

func isSum(op *hclsyntax.Operation) bool {
	return op == hclsyntax.OpAdd || op == hclsyntax.OpSubtract || op == hclsyntax.OpMultiply
}

// asList makes a list of a tuple whose elements have one primitive type, for a function that wants a list of that: cty compares the types of all
// elements with one another.
func asList(v cty.Value, want cty.Type) cty.Value {
	ty := v.Type()
	if !want.IsListType() || !want.ElementType().IsPrimitiveType() || !ty.IsTupleType() || v.IsMarked() || !v.IsKnown() || v.IsNull() || v.LengthInt() == 0 {
		return v
	}
	for _, element := range ty.TupleElementTypes() {
		if element != want.ElementType() {
			return v
		}
	}
	return cty.ListVal(v.AsValueSlice())
}

// wantedTypes are the types of the parameters for the arguments of a call; fewer, where there is no such function or it takes no more.
func wantedTypes(ctx *hcl.EvalContext, x *hclsyntax.FunctionCallExpr) (types []cty.Type) {
	for ; ctx != nil; ctx = ctx.Parent() {
		f, ok := ctx.Functions[x.Name]
		if !ok {
			continue
		}
		params, more := f.Params(), f.VarParam()
		for i := range x.Args {
			switch {
			case i < len(params):
				types = append(types, params[i].Type)
			case more != nil:
				types = append(types, more.Type)
			}
		}
		break
	}
	return types
}
