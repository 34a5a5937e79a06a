package lang

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// maxRange is how many numbers range makes at most: it guards against a slip of the pen, not against large networks.
const maxRange = 1 << 20

// collectionFunctions are those of OpenTofu that cty lacks, or has otherwise.
func collectionFunctions() map[string]function.Function {
	return map[string]function.Function{
		"length":  lengthFunction(),
		"range":   rangeFunction(),
		"index":   indexFunction(),
		"one":     oneFunction(),
		"sum":     sumFunction(),
		"alltrue": everyFunction(true),
		"anytrue": everyFunction(false),
	}
}

// lengthFunction counts elements, or the characters of a string. Marks of elements have no part in it.
func lengthFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowMarked: true, AllowDynamicType: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			ty := args[0].Type()
			if ty == cty.String || ty == cty.DynamicPseudoType || ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType() {
				return cty.Number, nil
			}
			return cty.NilType, function.NewArgErrorf(0, "want a string or a collection, not %s", ty.FriendlyName())
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, marks := args[0].Unmark()
			switch ty := v.Type(); {
			case ty.IsTupleType():
				return cty.NumberIntVal(int64(len(ty.TupleElementTypes()))).WithMarks(marks), nil
			case ty.IsObjectType():
				return cty.NumberIntVal(int64(len(ty.AttributeTypes()))).WithMarks(marks), nil
			case !v.IsKnown():
				return cty.UnknownVal(cty.Number).WithMarks(marks), nil
			case ty == cty.String:
				n, err := stdlib.Strlen(v)
				return n.WithMarks(marks), err
			default:
				return v.Length().WithMarks(marks), nil
			}
		},
	})
}

// rangeFunction is range(limit), range(start, limit) or range(start, limit, step).
func rangeFunction() function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "numbers", Type: cty.Number},
		Type:     function.StaticReturnType(cty.List(cty.Number)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			start, limit, step := new(big.Float), new(big.Float), (*big.Float)(nil)
			switch len(args) {
			case 1:
				limit = args[0].AsBigFloat()
			case 2, 3:
				start, limit = args[0].AsBigFloat(), args[1].AsBigFloat()
			default:
				return cty.NilVal, errors.New("range takes a limit; or a start and a limit; or a start, a limit and a step")
			}
			down := start.Cmp(limit) > 0
			if len(args) == 3 {
				step = args[2].AsBigFloat()
			} else if step = big.NewFloat(1); down {
				step = big.NewFloat(-1)
			}
			return numbers(start, limit, step)
		},
	})
}

func numbers(start, limit, step *big.Float) (cty.Value, error) {
	down := step.Sign() < 0
	switch {
	case start.IsInf() || limit.IsInf() || step.IsInf():
		return cty.NilVal, errors.New("a range cannot be infinite")
	case step.Sign() == 0:
		return cty.NilVal, errors.New("the step of a range cannot be 0")
	case start.Cmp(limit) != 0 && down != (start.Cmp(limit) > 0):
		return cty.NilVal, errors.New("the step of a range must lead from its start to its limit")
	}
	var all []cty.Value
	for n := start; n.Cmp(limit) != 0 && down == (n.Cmp(limit) > 0); n = new(big.Float).Add(n, step) {
		if len(all) == maxRange {
			return cty.NilVal, fmt.Errorf("this range has more than %d numbers", maxRange)
		}
		all = append(all, cty.NumberVal(n))
	}
	if len(all) == 0 {
		return cty.ListValEmpty(cty.Number), nil
	}
	return cty.ListVal(all), nil
}

// indexFunction is index(list, value): where value first stands in list.
func indexFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("list", cty.DynamicPseudoType), param("value", cty.DynamicPseudoType)},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if ty := args[0].Type(); !ty.IsListType() && !ty.IsTupleType() {
				return cty.NilVal, function.NewArgErrorf(0, "want a list, not %s", ty.FriendlyName())
			}
			for i, e := range args[0].Elements() {
				eq, err := stdlib.Equal(e, args[1])
				switch {
				case err != nil:
					return cty.NilVal, err
				case !eq.IsKnown():
					return cty.UnknownVal(cty.Number), nil
				case eq.True():
					return i, nil
				}
			}
			return cty.NilVal, errors.New("the value is not in the list")
		},
	})
}

// oneFunction is one(list): the only element, or null if there is none.
func oneFunction() function.Function {
	elementType := func(ty cty.Type) cty.Type {
		switch {
		case ty.IsListType(), ty.IsSetType():
			return ty.ElementType()
		case ty.IsTupleType() && len(ty.TupleElementTypes()) == 1:
			return ty.TupleElementType(0)
		}
		return cty.DynamicPseudoType
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{param("list", cty.DynamicPseudoType)},
		Type:   func(args []cty.Value) (cty.Type, error) { return elementType(args[0].Type()), nil },
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			v := args[0]
			if t := v.Type(); !t.IsListType() && !t.IsSetType() && !t.IsTupleType() {
				return cty.NilVal, function.NewArgErrorf(0, "want a list or a set, not %s", t.FriendlyName())
			}
			switch n := v.Length(); {
			case !n.IsKnown():
				return cty.UnknownVal(ty), nil
			case v.LengthInt() == 0:
				return cty.NullVal(ty), nil
			case v.LengthInt() > 1:
				return cty.NilVal, function.NewArgErrorf(0, "want at most one element; there are %d", v.LengthInt())
			}
			return v.AsValueSlice()[0], nil
		},
	})
}

func sumFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("numbers", cty.DynamicPseudoType)},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].CanIterateElements() {
				return cty.NilVal, function.NewArgErrorf(0, "want a list of numbers, not %s", args[0].Type().FriendlyName())
			}
			total := cty.Zero
			for _, e := range args[0].Elements() {
				n, err := convert.Convert(e, cty.Number)
				if err != nil || n.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "want numbers only")
				}
				total = total.Add(n)
			}
			return total, nil
		},
	})
}

// everyFunction is alltrue or anytrue. Null counts as false.
func everyFunction(all bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("list", cty.List(cty.Bool))},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			out := cty.BoolVal(all)
			for _, e := range args[0].Elements() {
				if e.IsNull() {
					e = cty.False
				}
				if all {
					out = out.And(e)
				} else {
					out = out.Or(e)
				}
			}
			return out, nil
		},
	})
}
