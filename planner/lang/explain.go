package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// explain returns what is to be said of an error that came from evaluating an expression: names that are near, and no secrets.
func explain(d *hcl.Diagnostic) *hcl.Diagnostic {
	if d.Expression == nil || d.EvalContext == nil {
		return d
	}
	if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok && call.FunctionCallError() != nil {
		return withoutSecrets(d, call.CalledFunctionName())
	}
	if hint := nearAttribute(d); hint != "" {
		out := *d
		out.Detail += hint
		return &out
	}
	return d
}

// withoutSecrets hides what a function says of a sensitive argument: it may quote it.
func withoutSecrets(d *hcl.Diagnostic, function string) *hcl.Diagnostic {
	parts := []hclsyntax.Expression{}
	switch x := d.Expression.(type) {
	case *hclsyntax.FunctionCallExpr:
		parts = x.Args
	case hclsyntax.Expression:
		parts = append(parts, x)
	}
	for _, part := range parts {
		if v, _ := part.Value(d.EvalContext); isSecret(v) {
			out := *d
			out.Detail = fmt.Sprintf("The function %q fails. What it says may quote a sensitive value, so it is not shown.", function)
			return &out
		}
	}
	return d
}

// isSecret reports whether any part of v is sensitive.
func isSecret(v cty.Value) bool {
	if v.Type().IsPrimitiveType() && !v.IsMarked() {
		return false
	}
	_, marks := v.UnmarkDeep()
	return marks.Has(Sensitive)
}

// nearAttribute suggests an attribute or key for one that is not there.
func nearAttribute(d *hcl.Diagnostic) string {
	if d.Subject == nil {
		return ""
	}
	var v cty.Value
	var steps hcl.Traversal
	switch x := d.Expression.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		root, diags := x.Traversal[:1].TraverseAbs(d.EvalContext)
		if diags.HasErrors() {
			return ""
		}
		v, steps = root, x.Traversal[1:]
	case *hclsyntax.RelativeTraversalExpr:
		source, diags := x.Source.Value(d.EvalContext)
		if diags.HasErrors() {
			return ""
		}
		v, steps = source, x.Traversal
	}
	for _, step := range steps {
		next, diags := hcl.Traversal{step}.TraverseRel(v)
		if a, ok := step.(hcl.TraverseAttr); ok && diags.HasErrors() {
			return suggest(a.Name, names(v))
		}
		if diags.HasErrors() {
			return ""
		}
		v = next
	}
	return ""
}

// names lists the attributes of an object, or the keys of a map that is no secret.
func names(v cty.Value) []string {
	if v.Type().IsObjectType() {
		return sortedKeys(v.Type().AttributeTypes())
	}
	if isSecret(v) {
		return nil
	}
	if v, _ = v.Unmark(); !v.Type().IsMapType() || !v.IsKnown() || v.IsNull() {
		return nil
	}
	return sortedKeys(v.AsValueMap())
}
