package lang

import (
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// sharedPart is a part of an expression that is the same in all instances of its block, and in all rounds of the loops around it. It is
// evaluated once for each context that scope makes.
type sharedPart struct {
	hclsyntax.Expression
}

// sharedName is where a context keeps what its shared parts came to. No expression can refer to it.
const sharedName = " shared"

var sharedType = cty.Capsule("shared parts", reflect.TypeFor[sharedResults]())

type sharedResults map[*sharedPart]sharedResult

type sharedResult struct {
	value cty.Value
	diags hcl.Diagnostics
}

// Value evaluates the part, or recalls what it came to.
func (p *sharedPart) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	results, ok := sharedIn(ctx)
	if !ok {
		return p.Expression.Value(ctx)
	}
	r, ok := results[p]
	if !ok {
		r.value, r.diags = p.Expression.Value(ctx)
		r.value = compact(r.value)
		results[p] = r
	}
	return r.value, r.diags
}

func sharedIn(ctx *hcl.EvalContext) (sharedResults, bool) {
	for ; ctx != nil; ctx = ctx.Parent() {
		if v, ok := ctx.Variables[sharedName]; ok {
			return *v.EncapsulatedValue().(*sharedResults), true
		}
	}
	return nil, false
}

func newSharedResults() cty.Value {
	return cty.CapsuleVal(sharedType, &sharedResults{})
}

// shareParts replaces those parts of an expression that can be shared and are worth it: calls, loops and splats.
func shareParts(x hclsyntax.Expression) {
	shareWithin(x, []string{"each", "count", "self"})
}

// share returns x, or what stands for it. varying are the names that have another value each time.
func share(x hclsyntax.Expression, varying []string) hclsyntax.Expression {
	changes := slices.ContainsFunc(x.Variables(), func(t hcl.Traversal) bool { return slices.Contains(varying, t.RootName()) }) ||
		slices.ContainsFunc(nodeCalls(x), reference.isChanging)
	if !changes && costly(x) {
		shareWithin(x, varying)
		return &sharedPart{Expression: x}
	}
	if changes {
		shareWithin(x, varying)
	}
	return x
}

func costly(x hclsyntax.Expression) bool {
	found := false
	hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n.(type) {
		case *hclsyntax.FunctionCallExpr, *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
			found = true
		}
		return nil
	})
	return found
}

func shareWithin(x hclsyntax.Expression, varying []string) {
	for _, part := range partsOf(x) {
		if *part == nil {
			continue
		}
		if loop, ok := x.(*hclsyntax.ForExpr); ok && part != &loop.CollExpr {
			*part = share(*part, append(slices.Clone(varying), loop.KeyVar, loop.ValVar))
			continue
		}
		*part = share(*part, varying)
	}
}

// partsOf returns the places of the expressions of which x is made; there may be nil in them. What stands behind the * of a splat is none.
func partsOf(x hclsyntax.Expression) []*hclsyntax.Expression {
	places := func(list []hclsyntax.Expression) []*hclsyntax.Expression {
		all := make([]*hclsyntax.Expression, len(list))
		for i := range list {
			all[i] = &list[i]
		}
		return all
	}
	switch t := x.(type) {
	case *sharedPart:
		return []*hclsyntax.Expression{&t.Expression}
	case *hclsyntax.TemplateExpr:
		return places(t.Parts)
	case *hclsyntax.TemplateWrapExpr:
		return []*hclsyntax.Expression{&t.Wrapped}
	case *hclsyntax.TemplateJoinExpr:
		return []*hclsyntax.Expression{&t.Tuple}
	case *hclsyntax.ParenthesesExpr:
		return []*hclsyntax.Expression{&t.Expression}
	case *hclsyntax.FunctionCallExpr:
		return places(t.Args)
	case *hclsyntax.ConditionalExpr:
		return []*hclsyntax.Expression{&t.Condition, &t.TrueResult, &t.FalseResult}
	case *hclsyntax.BinaryOpExpr:
		return []*hclsyntax.Expression{&t.LHS, &t.RHS}
	case *hclsyntax.UnaryOpExpr:
		return []*hclsyntax.Expression{&t.Val}
	case *hclsyntax.TupleConsExpr:
		return places(t.Exprs)
	case *hclsyntax.ObjectConsExpr:
		var all []*hclsyntax.Expression
		for i := range t.Items {
			all = append(all, &t.Items[i].ValueExpr)
			if key, ok := t.Items[i].KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok {
				all = append(all, &key.Wrapped)
			}
		}
		return all
	case *hclsyntax.IndexExpr:
		return []*hclsyntax.Expression{&t.Collection, &t.Key}
	case *hclsyntax.RelativeTraversalExpr:
		return []*hclsyntax.Expression{&t.Source}
	case *hclsyntax.SplatExpr:
		return []*hclsyntax.Expression{&t.Source}
	case *hclsyntax.ForExpr:
		return []*hclsyntax.Expression{&t.CollExpr, &t.KeyExpr, &t.ValExpr, &t.CondExpr}
	}
	return nil
}
