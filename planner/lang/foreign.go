package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// nativeOf returns an expression in hcl's own syntax: that of JSON is read again. false if a string in it is no template; its
// evaluation says so.
func nativeOf(x hcl.Expression) (hclsyntax.Expression, bool) {
	if native, ok := x.(hclsyntax.Expression); ok {
		return native, true
	}
	if items, diags := hcl.ExprList(x); !diags.HasErrors() {
		tuple := &hclsyntax.TupleConsExpr{SrcRange: x.Range(), OpenRange: x.Range()}
		for _, item := range items {
			native, ok := nativeOf(item)
			if !ok {
				return nil, false
			}
			tuple.Exprs = append(tuple.Exprs, native)
		}
		return tuple, true
	}
	if pairs, diags := hcl.ExprMap(x); !diags.HasErrors() {
		return nativeObject(x, pairs)
	}
	v, diags := x.Value(nil)
	if diags.HasErrors() {
		return nil, false
	}
	if v.Type() != cty.String || v.IsNull() {
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: x.Range()}, true
	}
	start := x.Range().Start // of the quotes
	start.Column++
	start.Byte++
	native, diags := hclsyntax.ParseTemplate([]byte(v.AsString()), x.Range().Filename, start)
	return native, !diags.HasErrors()
}

func nativeObject(x hcl.Expression, pairs []hcl.KeyValuePair) (hclsyntax.Expression, bool) {
	object := &hclsyntax.ObjectConsExpr{SrcRange: x.Range(), OpenRange: x.Range()}
	for _, pair := range pairs {
		key, keyOK := nativeOf(pair.Key)
		value, valueOK := nativeOf(pair.Value)
		if !keyOK || !valueOK {
			return nil, false
		}
		object.Items = append(object.Items, hclsyntax.ObjectConsItem{
			KeyExpr: &hclsyntax.ObjectConsKeyExpr{Wrapped: key, ForceNonLiteral: true}, ValueExpr: value,
		})
	}
	return object, true
}
