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

// withThings makes a function of one list take lists of things, as machines, too: they keep the types that their blocks gave them, and what each
// depends on.
func withThings(standard function.Function, things func([]cty.Value) []cty.Value) function.Function {
	chosen := func(v cty.Value) (cty.Value, bool) {
		if as, has := thingsIn(v); as != formList || !has {
			return cty.NilVal, false
		}
		v, marks := v.Unmark()
		return cty.TupleVal(things(v.AsValueSlice())).WithMarks(marks), true
	}
	p := standard.Params()[0]
	general := func(v cty.Value) ([]cty.Value, error) {
		if _, ok := elementType(v.Type()); ok && p.Type.IsListType() && v.IsKnown() && !v.IsNull() {
			unmarked, marks := v.Unmark()
			v = cty.ListVal(unmarked.AsValueSlice()).WithMarks(marks)
		}
		v, err := convert.Convert(v, p.Type)
		return []cty.Value{v}, err
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: p.Name, Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			if list, ok := chosen(args[0]); ok {
				return list.Type(), nil
			}
			converted, err := general(args[0])
			if err != nil {
				return cty.NilType, function.NewArgError(0, err)
			}
			return standard.ReturnTypeForValues(converted)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if list, ok := chosen(args[0]); ok {
				return list, nil
			}
			converted, err := general(args[0])
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return standard.Call(converted)
		},
	})
}

// allOf is for functions that leave things as they are.
func allOf(things []cty.Value) []cty.Value { return things }

// distinctOf leaves things out that stand before in the list.
func distinctOf(things []cty.Value) []cty.Value {
	seen := map[string]bool{}
	return slices.DeleteFunc(things, func(v cty.Value) bool {
		at := addressOf(v)
		again := seen[at]
		seen[at] = at != ""
		return again
	})
}
