// Package object reads attributes out of the objects that a configuration is made of. What is absent, null, unknown or of another type reads as
// the zero value: that an argument is there and right is the schema's affair.
package object

import (
	"encoding/json"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Get follows names into v; cty.NilVal if there is nothing.
func Get(v cty.Value, names ...string) cty.Value {
	for _, name := range names {
		if !usable(v) || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
			return cty.NilVal
		}
		v = v.GetAttr(name)
	}
	if !usable(v) {
		return cty.NilVal
	}
	return v
}

func usable(v cty.Value) bool {
	return v != cty.NilVal && !v.IsMarked() && v.IsKnown() && !v.IsNull()
}

// String reads a string.
func String(v cty.Value, names ...string) string {
	v = Get(v, names...)
	if v == cty.NilVal || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

// Int reads a whole number.
func Int(v cty.Value, names ...string) int {
	v = Get(v, names...)
	if v == cty.NilVal || v.Type() != cty.Number {
		return 0
	}
	n, _ := v.AsBigFloat().Int64()
	return int(n)
}

// Bool reads a truth value.
func Bool(v cty.Value, names ...string) bool {
	v = Get(v, names...)
	return v != cty.NilVal && v.Type() == cty.Bool && v.True()
}

// Elements reads a list, set or tuple; elements that are absent are left out.
func Elements(v cty.Value, names ...string) []cty.Value {
	v = Get(v, names...)
	if v == cty.NilVal || !v.CanIterateElements() {
		return nil
	}
	var all []cty.Value
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); usable(e) {
			all = append(all, e)
		}
	}
	return all
}

// Strings reads a list, set or tuple of strings.
func Strings(v cty.Value, names ...string) []string {
	var all []string
	for _, e := range Elements(v, names...) {
		if e.Type() == cty.String {
			all = append(all, e.AsString())
		}
	}
	return all
}

// Numbers reads a map of numbers; nil if there is none.
func Numbers(v cty.Value, names ...string) map[string]float64 {
	v = Get(v, names...)
	if v == cty.NilVal || !v.Type().IsMapType() || v.LengthInt() == 0 {
		return nil
	}
	all := map[string]float64{}
	for key, e := range v.AsValueMap() {
		if usable(e) && e.Type() == cty.Number {
			all[key], _ = e.AsBigFloat().Float64()
		}
	}
	return all
}

// JSON is the JSON of v without attributes that are null and, at the top level, without those named.
func JSON(v cty.Value, without ...string) (json.RawMessage, error) {
	skip := map[string]bool{}
	for _, name := range without {
		skip[name] = true
	}
	attrs := map[string]json.RawMessage{}
	if usable(v) && v.Type().IsObjectType() {
		for name, a := range v.AsValueMap() {
			if skip[name] || a.IsNull() {
				continue
			}
			data, err := ctyjson.Marshal(a, a.Type())
			if err != nil {
				return nil, fmt.Errorf("argument %s: %w", name, err)
			}
			attrs[name] = data
		}
	}
	return json.Marshal(attrs)
}

// FromJSON is doc as a value of the type that it implies: structs become objects with the names of their JSON.
func FromJSON(doc any) (cty.Value, error) {
	data, err := json.Marshal(doc)
	if err != nil {
		return cty.NilVal, err
	}
	t, err := ctyjson.ImpliedType(data)
	if err != nil {
		return cty.NilVal, err
	}
	return ctyjson.Unmarshal(data, t)
}
