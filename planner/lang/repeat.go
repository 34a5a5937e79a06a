package lang

import (
	"math/big"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/addr"
	"viver/planner/bitset"
)

// maxInstances is how many instances one block may have.
const maxInstances = 1 << 20

// repeated is what count or for_each of a block came to.
type repeated struct {
	keys    []addr.Key // not nil
	forEach cty.Value  // unmarked; cty.NilVal without for_each
	depends bitset.Set
	stable  bool
}

// variables returns each or count of one instance.
func (r repeated) variables(k addr.Key) variables {
	if r.forEach != cty.NilVal {
		return variables{"each": cty.ObjectVal(map[string]cty.Value{"key": keyValue(k), "value": r.element(k)})}
	}
	if _, ok := k.Number(); ok {
		return variables{"count": cty.ObjectVal(map[string]cty.Value{"index": keyValue(k)})}
	}
	return nil
}

func (r repeated) element(k addr.Key) cty.Value {
	name, _ := k.Text()
	switch ty := r.forEach.Type(); {
	case ty.IsSetType():
		return cty.StringVal(name)
	case ty.IsObjectType():
		return r.forEach.GetAttr(name)
	default:
		return r.forEach.Index(cty.StringVal(name))
	}
}

// repeat evaluates count or for_each.
func (m *moduleInstance) repeat(r repetition) (repeated, bool) {
	switch {
	case r.count != nil:
		return m.count(r.count)
	case r.forEach != nil:
		return m.forEach(r.forEach)
	default:
		return repeated{keys: []addr.Key{{}}, stable: true}, true
	}
}

func (m *moduleInstance) count(x *expression) (repeated, bool) {
	got := m.eval(x, nil)
	if !got.ok {
		return repeated{}, false
	}
	out := repeated{stable: got.stable}
	v, problem := m.known("count", split(got.value, &out.depends))
	if problem == "" {
		v, problem = wholeNumber(v)
	}
	if problem != "" {
		m.e.reportOnce(errorf(x.Range().Ptr(), "Unsuitable count", "%s", problem))
		return repeated{}, false
	}
	n, _ := v.AsBigFloat().Int64()
	out.keys = make([]addr.Key, n)
	for i := range out.keys {
		out.keys[i] = addr.Number(i)
	}
	return out, true
}

func wholeNumber(v cty.Value) (n cty.Value, problem string) {
	n, err := convert.Convert(v, cty.Number)
	if err != nil {
		return n, "count wants a number, not " + found(v) + "."
	}
	if f := n.AsBigFloat(); !f.IsInt() || f.Sign() < 0 || f.Cmp(big.NewFloat(maxInstances)) > 0 {
		return n, "count wants a whole number from 0 to 1048576."
	}
	return n, ""
}

// known refuses what may not decide how many instances there are. v is the value of the argument called name.
func (m *moduleInstance) known(name string, v cty.Value) (unmarked cty.Value, problem string) {
	v, marks := v.Unmark()
	switch {
	case marks.Has(Sensitive):
		return v, name + " decides addresses, which are shown: it cannot be sensitive. Use nonsensitive( ) if it is no secret."
	case v.IsNull():
		return v, name + " is null; leave it out to have one instance."
	case !v.IsKnown():
		return v, name + " must be known when planning, but this follows from something that apply finds out. Use what is written in the configuration instead."
	}
	return v, ""
}

func (m *moduleInstance) forEach(x *expression) (repeated, bool) {
	got := m.eval(x, nil)
	if !got.ok {
		return repeated{}, false
	}
	out := repeated{stable: got.stable, keys: []addr.Key{}}
	m.dropKeyMarks(x, &got)
	v, sensitive := splitTop(got.value, &out.depends)
	if sensitive {
		v = v.Mark(Sensitive)
	}
	v, problem := m.known("for_each", v)
	var names map[string]bool
	if problem == "" {
		names, problem = forEachNames(v)
	}
	if problem != "" {
		m.e.reportOnce(errorf(x.Range().Ptr(), "Unsuitable for_each", "%s", problem))
		return repeated{}, false
	}
	out.forEach = v
	for _, name := range naturalKeys(names) {
		out.keys = append(out.keys, addr.Text(name))
	}
	return out, true
}

// forEachNames returns the keys of the instances, or what is wrong with the value of for_each.
func forEachNames(v cty.Value) (names map[string]bool, problem string) {
	ty := v.Type()
	switch {
	case kindOf(v) != "":
		return nil, "for_each wants a map, an object or a set of strings, not " + found(v) + "."
	case ty.IsTupleType(), ty.IsListType():
		return nil, "for_each wants a map, an object or a set of strings, not a list. Write toset( ) around a list of strings, or make an object of it: { for x in LIST : x.name => x }."
	case !ty.IsMapType() && !ty.IsObjectType() && !ty.IsSetType():
		return nil, "for_each wants a map, an object or a set of strings, not " + found(v) + "."
	case ty.IsSetType() && !ty.ElementType().Equals(cty.String) && v.LengthInt() > 0:
		return nil, "for_each wants a set of strings, not a " + ty.FriendlyName() + "."
	case ty.IsObjectType():
		names = make(map[string]bool, len(ty.AttributeTypes()))
		for name := range ty.AttributeTypes() {
			names[name] = true
		}
		return names, ""
	}
	names = map[string]bool{}
	for k := range v.Elements() {
		switch {
		case !k.IsKnown():
			return nil, "for_each must be known when planning, but some elements of this set are found out by apply."
		case k.IsNull():
			return nil, "for_each wants strings; one element of this set is null."
		}
		names[k.AsString()] = true
	}
	return names, ""
}

// dropKeyMarks takes those marks off the object of `{ for x in C : KEY => VALUE }` that came from its keys. Keys are known when
// planning: an instance need not wait for all that lent a name. Values keep their marks. Where the collection C has marks
// itself, nothing can be told apart and all stay.
func (m *moduleInstance) dropKeyMarks(x *expression, got *result) {
	loop, ok := unwrap(x.Expression).(*hclsyntax.ForExpr)
	if !ok || loop.KeyExpr == nil {
		return
	}
	inner := m.eval(&expression{Expression: loop.CollExpr, refs: references(loop.CollExpr.Variables())}, nil)
	if !inner.ok || inner.value.IsMarked() {
		return
	}
	v, marks := got.value.Unmark()
	if marks.Has(Sensitive) {
		v = v.Mark(Sensitive)
	}
	got.value = v
}
