package lang

import (
	"errors"
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// lookupFunctions choose among values.
func lookupFunctions() map[string]function.Function {
	return map[string]function.Function{
		"coalesce":  coalesceFunction(),
		"lookup":    lookupFunction(),
		"matchkeys": matchkeysFunction(),
		"transpose": transposeFunction(),
	}
}

// coalesceFunction is coalesce(values...): the first that is neither null nor an empty string.
func coalesceFunction() function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "values", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			if len(args) == 0 {
				return cty.NilType, errors.New("want at least one value")
			}
			if allAlike(args) {
				return cty.DynamicPseudoType, nil
			}
			types := make([]cty.Type, len(args))
			for i, a := range args {
				types[i] = a.Type()
			}
			ty, _ := convert.UnifyUnsafe(types)
			if ty == cty.NilType {
				return ty, errors.New("all values must be of one type")
			}
			return ty, nil
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			var marks []cty.ValueMarks // of all that had a part in the choice
			for _, a := range args {
				a, err := convert.Convert(a, ty)
				if err != nil {
					return cty.NilVal, err
				}
				a, m := a.Unmark()
				marks = append(marks, m)
				switch {
				case !a.IsKnown():
					return cty.UnknownVal(ty).WithMarks(marks...), nil
				case a.IsNull() || ty == cty.String && a.RawEquals(cty.StringVal("")):
					continue
				}
				return a.WithMarks(marks...), nil
			}
			return cty.NilVal, errors.New("all values are null or empty")
		},
	})
}

// lookupFunction is lookup(map, key, default); without a default a missing key is an error.
func lookupFunction() function.Function {
	attribute := func(args []cty.Value) (string, bool) {
		key, _ := args[1].Unmark()
		return key.AsString(), args[0].Type().HasAttribute(key.AsString())
	}
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "map", Type: cty.DynamicPseudoType, AllowMarked: true}, {Name: "key", Type: cty.String, AllowMarked: true}},
		VarParam: &function.Parameter{Name: "default", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			if len(args) > 3 {
				return cty.NilType, errors.New("lookup takes a map, a key and a default")
			}
			switch ty := args[0].Type(); {
			case ty.IsMapType() && len(args) == 3:
				_, err := convert.Convert(args[2], ty.ElementType())
				if err != nil {
					return cty.NilType, function.NewArgErrorf(2, "the default must be of the type that the map's elements have")
				}
				return ty.ElementType(), nil
			case ty.IsMapType():
				return ty.ElementType(), nil
			case !ty.IsObjectType():
				return cty.NilType, function.NewArgErrorf(0, "want a map or an object, not %s", ty.FriendlyName())
			case !args[1].IsKnown():
				return cty.DynamicPseudoType, nil
			}
			name, ok := attribute(args)
			switch {
			case ok:
				return args[0].Type().AttributeType(name), nil
			case len(args) == 3:
				return args[2].Type(), nil
			}
			return cty.NilType, function.NewArgErrorf(1, "the object has no such attribute")
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			m, marks := args[0].Unmark()
			key, keyMarks := args[1].Unmark()
			found := cty.NilVal
			if m.Type().IsObjectType() {
				if name, ok := attribute(args); ok {
					found = m.GetAttr(name)
				}
			} else {
				switch has := m.HasIndex(key); {
				case !has.IsKnown():
					return cty.UnknownVal(ty).WithMarks(marks, keyMarks), nil
				case has.True():
					found = m.Index(key)
				}
			}
			if found == cty.NilVal {
				if len(args) < 3 {
					return cty.NilVal, function.NewArgErrorf(1, "the map has no such key")
				}
				var err error
				if found, err = convert.Convert(args[2], ty); err != nil {
					return cty.NilVal, function.NewArgError(2, err)
				}
			}
			return found.WithMarks(marks, keyMarks), nil
		},
	})
}

// matchkeysFunction is matchkeys(values, keys, search): the values whose keys, in the same places, are among those to search for.
func matchkeysFunction() function.Function {
	list := cty.List(cty.DynamicPseudoType)
	return function.New(&function.Spec{
		Params: []function.Parameter{param("values", list), param("keys", list), param("search", list)},
		Type: func(args []cty.Value) (cty.Type, error) {
			if ty, _ := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()}); ty == cty.NilType {
				return cty.NilType, errors.New("keys and those to search for must be of one type")
			}
			return args[0].Type(), nil
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			if !args[0].IsWhollyKnown() || !args[1].IsWhollyKnown() || !args[2].IsWhollyKnown() {
				return cty.UnknownVal(ty), nil
			}
			if n, keys := args[0].LengthInt(), args[1].LengthInt(); n != keys {
				return cty.NilVal, fmt.Errorf("there are %d values and %d keys; want one key for each value", n, keys)
			}
			common, conversions := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()})
			for i, c := range conversions {
				if c == nil {
					continue
				}
				var err error
				if args[i+1], err = c(args[i+1]); err != nil {
					return cty.NilVal, function.NewArgErrorf(i+1, "want a %s", common.FriendlyName())
				}
			}
			keys, search := args[1].AsValueSlice(), args[2].AsValueSlice()
			var all []cty.Value
			for i, v := range args[0].AsValueSlice() {
				if slices.ContainsFunc(search, func(s cty.Value) bool { eq, err := stdlib.Equal(keys[i], s); return err == nil && eq.True() }) {
					all = append(all, v)
				}
			}
			if len(all) == 0 {
				return cty.ListValEmpty(ty.ElementType()), nil
			}
			return cty.ListVal(all), nil
		},
	})
}

// transposeFunction is transpose(map): of a map of lists of strings, the map from each string to the keys under which it stood.
func transposeFunction() function.Function {
	ty := cty.Map(cty.List(cty.String))
	return function.New(&function.Spec{
		Params: []function.Parameter{param("map", ty)},
		Type:   function.StaticReturnType(ty),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsWhollyKnown() {
				return cty.UnknownVal(ty), nil
			}
			keys := map[string][]cty.Value{}
			for k, list := range args[0].Elements() {
				if list.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "the list of a key is null")
				}
				for _, s := range list.AsValueSlice() {
					if s.IsNull() {
						return cty.NilVal, function.NewArgErrorf(0, "a list has null among its strings")
					}
					keys[s.AsString()] = append(keys[s.AsString()], k)
				}
			}
			if len(keys) == 0 {
				return cty.MapValEmpty(cty.List(cty.String)), nil
			}
			all := map[string]cty.Value{}
			for s, k := range keys {
				all[s] = cty.ListVal(k)
			}
			return cty.MapVal(all), nil
		},
	})
}
