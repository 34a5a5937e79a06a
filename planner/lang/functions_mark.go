package lang

import (
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// markFunctions look at values from outside: are they secrets, and of what type.
func markFunctions() map[string]function.Function {
	return map[string]function.Function{
		"sensitive": anyFunction(sameType, func(v cty.Value) cty.Value { return v.Mark(Sensitive) }),
		"nonsensitive": anyFunction(sameType, func(v cty.Value) cty.Value {
			v, marks := v.Unmark()
			delete(marks, Sensitive)
			return v.WithMarks(marks)
		}),
		"issensitive": anyFunction(function.StaticReturnType(cty.Bool), func(v cty.Value) cty.Value {
			v, marks := v.Unmark()
			secret := marks.Has(Sensitive)
			delete(marks, Sensitive)
			if !secret && !v.IsKnown() {
				return cty.UnknownVal(cty.Bool).WithMarks(marks)
			}
			return cty.BoolVal(secret).WithMarks(marks)
		}),
		"type": anyFunction(function.StaticReturnType(cty.String), func(v cty.Value) cty.Value {
			return cty.StringVal(typeexpr.TypeString(v.Type())).WithSameMarks(v)
		}),
	}
}

func sameType(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil }

// anyFunction makes a function that takes any value as it is, unknown, null or marked.
func anyFunction(ty function.TypeFunc, f func(cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType,
			AllowUnknown: true, AllowNull: true, AllowMarked: true, AllowDynamicType: true,
		}},
		Type: ty,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f(args[0]), nil },
	})
}
