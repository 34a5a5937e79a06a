package plan

import (
	"fmt"
	"maps"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/addr"
	"viver/planner/lang"
	"viver/planner/resource"
	"viver/planner/state"
)

// Memory turns evaluated arguments into what state keeps of them. It may be used for many instances, but not concurrently.
type Memory struct {
	refs *referrer
}

// NewMemory uses the key of s for the digests of sensitive values.
func NewMemory(s *state.State, types map[string]resource.Type) *Memory {
	schemas := map[string]*resource.Schema{}
	for name, t := range types {
		schemas[name] = t.Schema()
	}
	return &Memory{&referrer{collapser: &collapser{state: s}, schemas: schemas, seen: map[string]string{}}}
}

// Inputs returns the collapsed arguments of an instance and what they refer to. With unknown parts in v the result has some too:
// unknown values, and empty digests of references.
func (m *Memory) Inputs(at string, s *resource.Schema, v cty.Value) (cty.Value, map[string]map[string]string, error) {
	inputs, refs := m.refs.object(at, s, v), m.refs.refs(s, v)
	if err := m.refs.err; err != nil {
		return cty.NilVal, nil, fmt.Errorf("plan: remember %s: %w", at, err)
	}
	return inputs, refs, nil
}

// Computed returns what state keeps of the attributes that an apply returned: those of the schema, converted to their types, sensitive
// ones as digests, missing ones as null.
func (m *Memory) Computed(at string, s *resource.Schema, returned map[string]cty.Value) (map[string]cty.Value, error) {
	kept := map[string]cty.Value{}
	full, err := Complete(s, returned)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	for name, v := range full {
		if s.Attributes[name].Sensitive {
			v = m.refs.secret(at+"/"+name, v)
		}
		kept[name] = m.refs.plain(at+"/"+name, v)
	}
	return kept, m.refs.err
}

// Complete returns a value for each computed attribute of the schema: the returned one, converted to its type, or null.
func Complete(s *resource.Schema, returned map[string]cty.Value) (map[string]cty.Value, error) {
	all := map[string]cty.Value{}
	for name, a := range s.Attributes {
		if !a.Computed {
			continue
		}
		v, ok := returned[name]
		if !ok || v == cty.NilVal {
			v = cty.NullVal(a.Type)
		}
		v, err := convert.Convert(v, a.Type)
		if err != nil {
			return nil, fmt.Errorf("computed attribute %s: %w", name, err)
		}
		all[name] = v
	}
	return all, nil
}

// Value is the object of an instance as expressions see it, but for kind, addr and key: arguments and computed attributes.
func Value(s *resource.Schema, arguments cty.Value, computed map[string]cty.Value) cty.Value {
	arguments, marks := arguments.Unmark()
	attrs := arguments.AsValueMap()
	if attrs == nil {
		attrs = map[string]cty.Value{}
	}
	for name, v := range computed {
		if s.Attributes[name] != nil && s.Attributes[name].Sensitive {
			v = v.Mark(lang.Sensitive)
		}
		attrs[name] = v
	}
	return cty.ObjectVal(attrs).WithMarks(marks)
}

// PriorValue is the object of an instance as it is remembered, a null object if it is not: references are addresses. A step's "on" is the
// object of its machine as that is remembered. Remembered returns what is remembered of an address, or nil.
func PriorValue(remembered func(address string) *state.Instance, at string) cty.Value {
	i := remembered(at)
	if i == nil {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	attrs := map[string]cty.Value{}
	if !i.Inputs.IsNull() && i.Inputs.Type().IsObjectType() {
		maps.Copy(attrs, i.Inputs.AsValueMap())
	}
	maps.Copy(attrs, i.Computed)
	if m := remembered(i.Machine); m != nil && m.Machine == "" {
		attrs[onArgument] = PriorValue(remembered, m.Addr)
	}
	key := i.Key
	if key == cty.NilVal {
		key = cty.NullVal(cty.DynamicPseudoType)
	}
	return cty.ObjectVal(identity(attrs, i.Type, i.Addr, key))
}

// Identity adds what every instance's object has: kind, addr and key.
func Identity(v cty.Value, kind string, at addr.Instance) cty.Value {
	v, marks := v.Unmark()
	attrs := v.AsValueMap()
	if attrs == nil {
		attrs = map[string]cty.Value{}
	}
	return cty.ObjectVal(identity(attrs, kind, at.String(), KeyValue(at.Key))).WithMarks(marks)
}

func identity(attrs map[string]cty.Value, kind, at string, key cty.Value) map[string]cty.Value {
	attrs["kind"], attrs["addr"], attrs["key"] = cty.StringVal(kind), cty.StringVal(at), key
	return attrs
}

// KeyValue is a key as expressions see it: a number, a string, or null.
func KeyValue(k addr.Key) cty.Value {
	if n, ok := k.Number(); ok {
		return cty.NumberIntVal(int64(n))
	}
	if s, ok := k.Text(); ok {
		return cty.StringVal(s)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}
