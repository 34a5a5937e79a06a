package lang

import (
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// conversionFunction is tolist or toset, for cty.List or cty.Set. To find the common type of n elements cty compares each with each;
// this one has a short way for elements of one type, which is what long lists have.
func conversionFunction(collection func(cty.Type) cty.Type) function.Function {
	standard := stdlib.MakeToFunc(collection(cty.DynamicPseudoType))
	return function.New(&function.Spec{
		Params: standard.Params(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if element, ok := elementType(args[0].Type()); ok {
				return collection(element), nil
			}
			return standard.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			v, marks := args[0].Unmark()
			if _, ok := elementType(v.Type()); !ok || v.IsNull() || !v.IsKnown() {
				return standard.Call(args)
			}
			out, err := convert.Convert(cty.ListVal(v.AsValueSlice()), ty)
			return out.WithMarks(marks), err
		},
	})
}

// elementType returns the type that all elements of a tuple type have; false if there is none.
func elementType(tuple cty.Type) (element cty.Type, ok bool) {
	if !tuple.IsTupleType() || tuple.Length() == 0 {
		return cty.NilType, false
	}
	types := tuple.TupleElementTypes()
	same := !slices.ContainsFunc(types, func(ty cty.Type) bool { return !ty.Equals(types[0]) })
	return types[0], same && types[0] != cty.DynamicPseudoType
}
