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
func shareParts(x hcl.Expression) {
	if native, ok := x.(hclsyntax.Expression); ok {
		shareWithin(native, []string{"each", "count", "self"})
	}
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
	replace := func(parts ...*hclsyntax.Expression) {
		for _, p := range parts {
			if *p != nil {
				*p = share(*p, varying)
			}
		}
	}
	each := func(parts []hclsyntax.Expression) {
		for i := range parts {
			replace(&parts[i])
		}
	}
	switch t := x.(type) {
	case *hclsyntax.TemplateExpr:
		each(t.Parts)
	case *hclsyntax.TemplateWrapExpr:
		replace(&t.Wrapped)
	case *hclsyntax.TemplateJoinExpr:
		replace(&t.Tuple)
	case *hclsyntax.ParenthesesExpr:
		replace(&t.Expression)
	case *hclsyntax.FunctionCallExpr:
		each(t.Args)
	case *hclsyntax.ConditionalExpr:
		replace(&t.Condition, &t.TrueResult, &t.FalseResult)
	case *hclsyntax.BinaryOpExpr:
		replace(&t.LHS, &t.RHS)
	case *hclsyntax.UnaryOpExpr:
		replace(&t.Val)
	case *hclsyntax.TupleConsExpr:
		each(t.Exprs)
	case *hclsyntax.ObjectConsExpr:
		for i := range t.Items {
			replace(&t.Items[i].ValueExpr)
		}
	case *hclsyntax.IndexExpr:
		replace(&t.Collection, &t.Key)
	case *hclsyntax.RelativeTraversalExpr:
		replace(&t.Source)
	case *hclsyntax.SplatExpr:
		replace(&t.Source)
	case *hclsyntax.ForExpr:
		replace(&t.CollExpr)
		varying = append(slices.Clone(varying), t.KeyVar, t.ValVar)
		replace(&t.KeyExpr, &t.ValExpr, &t.CondExpr)
	}
}
