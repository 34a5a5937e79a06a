package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// keeper is a part of an expression of a sort in which hcl and cty lose marks, mostly where something is unknown. It adds those that were
// lost: a dependency or a secret that nobody sees any more would be an edge too few in a plan, or a secret in the open.
type keeper struct {
	hclsyntax.Expression
}

// keepMarks returns x with keepers in it where they are needed. It changes parts of x.
func keepMarks(x hclsyntax.Expression) hclsyntax.Expression {
	for _, part := range partsOf(x) {
		if *part != nil {
			*part = keepMarks(*part)
		}
	}
	switch x := x.(type) {
	case *hclsyntax.TemplateExpr:
		if !x.IsStringLiteral() {
			return &keeper{x}
		}
	case *hclsyntax.BinaryOpExpr:
		if isSum(x.Op) {
			return &keeper{x}
		}
	case *hclsyntax.FunctionCallExpr, *hclsyntax.IndexExpr, *hclsyntax.TemplateJoinExpr, *hclsyntax.ObjectConsExpr,
		*hclsyntax.ConditionalExpr, *hclsyntax.ForExpr, *hclsyntax.UnaryOpExpr:
		return &keeper{x}
	}
	return x
}

// keepMarksInBody is keepMarks for all arguments of a body and of the blocks in it.
func keepMarksInBody(body hcl.Body) {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		return
	}
	for _, a := range native.Attributes {
		a.Expr = keepMarks(a.Expr)
	}
	for _, b := range native.Blocks {
		keepMarksInBody(b.Body)
	}
}

// unwrap returns what was parsed, without what newExpression put around it.
func unwrap(x hcl.Expression) hcl.Expression {
	for {
		switch t := x.(type) {
		case *keeper:
			x = t.Expression
		case *sharedPart:
			x = t.Expression
		case *hclsyntax.ParenthesesExpr:
			x = t.Expression
		default:
			return x
		}
	}
}

// Value evaluates the part, with all marks.
func (k *keeper) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	switch x := k.Expression.(type) {
	case *hclsyntax.FunctionCallExpr:
		return callValue(x, ctx)
	case *hclsyntax.IndexExpr:
		return indexValue(x, ctx)
	case *hclsyntax.TemplateJoinExpr:
		return joinValue(x, ctx)
	case *hclsyntax.ConditionalExpr:
		return conditionalValue(x, ctx)
	case *hclsyntax.TemplateExpr:
		return templateValue(x, ctx)
	case *hclsyntax.BinaryOpExpr:
		return sumValue(x, ctx)
	}
	v, diags := k.plain(ctx)
	if v.IsKnown() || diags.HasErrors() {
		return v, diags
	}
	switch x := k.Expression.(type) {
	case *hclsyntax.UnaryOpExpr:
		v = v.WithMarks(marksOf(ctx, x.Val))
	case *hclsyntax.ObjectConsExpr:
		for _, item := range x.Items {
			v = v.WithMarks(marksOf(ctx, item.KeyExpr), marksOf(ctx, item.ValueExpr))
		}
	case *hclsyntax.ForExpr:
		v = v.WithMarks(marksOf(ctx, x.CollExpr), namedMarks(ctx, x.Variables()))
	}
	return v, diags
}

// plain evaluates the part as hcl does.
func (k *keeper) plain(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if loop, ok := k.Expression.(*hclsyntax.ForExpr); ok && isPlainLoop(loop) {
		return loopValue(loop, ctx)
	}
	return k.Expression.Value(ctx)
}

// callValue calls a function. Its arguments are evaluated once, so that calls within calls cost no more than that; only the call that
// fails itself is done again, for a message that says where.
func callValue(x *hclsyntax.FunctionCallExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	name := trimCore(x.Name)
	if name == "try" || name == "can" { // they evaluate their arguments themselves
		v, diags := x.Value(ctx)
		if v.IsKnown() && name == "try" || diags.HasErrors() {
			return v, diags
		}
		for _, arg := range x.Args {
			v = v.WithMarks(marksOf(ctx, arg))
		}
		return v, diags
	}
	call := *x
	call.Args = make([]hclsyntax.Expression, len(x.Args))
	var within hcl.Diagnostics
	wanted := wantedTypes(ctx, x)
	for i, arg := range x.Args {
		v, diags := arg.Value(ctx)
		if !x.ExpandFinal && i < len(wanted) {
			v = asList(v, wanted[i])
		}
		within = append(within, diags...)
		call.Args[i] = &hclsyntax.LiteralValueExpr{Val: v, SrcRange: arg.Range()}
	}
	if within.HasErrors() {
		return cty.DynamicVal, within
	}
	v, diags := call.Value(ctx)
	if diags.HasErrors() {
		return x.Value(ctx)
	}
	if !v.IsKnown() {
		for _, arg := range call.Args {
			v = v.WithMarks(marksOf(ctx, arg))
		}
	}
	return v, diags
}

// indexValue looks an element up. What it came to follows from the key, too, and where the key is unknown, from all elements.
func indexValue(x *hclsyntax.IndexExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	collection, diags := x.Collection.Value(ctx)
	key, more := x.Key.Value(ctx)
	if diags = append(diags, more...); diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	index := *x
	index.Collection = &hclsyntax.LiteralValueExpr{Val: collection, SrcRange: x.Collection.Range()}
	index.Key = &hclsyntax.LiteralValueExpr{Val: key, SrcRange: x.Key.Range()}
	v, diags := index.Value(ctx)
	if diags.HasErrors() {
		return x.Value(ctx)
	}
	if key.IsMarked() {
		v = v.WithSameMarks(key)
	}
	if !key.IsKnown() {
		v = v.WithMarks(marksOf(ctx, index.Collection))
	}
	return v, diags
}

// joinValue joins what the rounds of a template's loop came to.
func joinValue(x *hclsyntax.TemplateJoinExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	tuple, diags := x.Tuple.Value(ctx)
	if diags.HasErrors() || tuple.IsNull() {
		return cty.UnknownVal(cty.String), diags
	}
	join := *x
	join.Tuple = &hclsyntax.LiteralValueExpr{Val: tuple, SrcRange: x.Tuple.Range()}
	v, more := join.Value(ctx)
	if !v.IsKnown() {
		_, marks := tuple.UnmarkDeep()
		v = v.WithMarks(marks)
	}
	return v, append(diags, more...)
}

// marksOf returns all marks in the value of an expression.
func marksOf(ctx *hcl.EvalContext, x hcl.Expression) cty.ValueMarks {
	v, _ := x.Value(ctx)
	if v == cty.NilVal {
		return nil
	}
	_, marks := v.UnmarkDeep()
	return marks
}

// namedMarks returns all marks in the values that references name.
func namedMarks(ctx *hcl.EvalContext, names []hcl.Traversal) cty.ValueMarks {
	all := cty.ValueMarks{}
	for _, t := range names {
		v, diags := t.TraverseAbs(ctx)
		if diags.HasErrors() {
			continue
		}
		_, marks := v.UnmarkDeep()
		for m := range marks {
			all[m] = struct{}{}
		}
	}
	return all
}

// nestedValue evaluates an argument of a block within a block. If that is written in JSON it can have no keepers in it: what is unknown
// then gets the marks of all that the expression names.
func nestedValue(x hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Value(ctx)
	if !diags.HasErrors() && !v.IsWhollyKnown() && !isNative(x) {
		v = v.WithMarks(namedMarks(ctx, x.Variables()))
	}
	return v, diags
}

// isNative reports whether an expression, or what dynamic blocks made of it, is of hcl's own syntax.
func isNative(x hcl.Expression) bool {
	return hcl.UnwrapExpressionUntil(x, func(x hcl.Expression) bool { _, ok := x.(hclsyntax.Expression); return ok }) != nil
}
