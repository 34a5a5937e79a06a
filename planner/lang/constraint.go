package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// constraint is the type of a variable. It is a tree, of which all that holds no reference is one leaf.
type constraint struct {
	form     form
	leaf     cty.Type           // formLeaf
	defaults *typeexpr.Defaults // formLeaf; may be nil
	kinds    []string           // formReference: "node"; of a machine "node" and "server"
	element  *constraint        // formList, formSet, formMap
	members  []member           // formObject, formTuple
}

type form int

const (
	formLeaf form = iota
	formReference
	formList
	formSet
	formMap
	formObject
	formTuple
)

// member is one attribute of an object type, or one place of a tuple type.
type member struct {
	name     string
	typ      *constraint
	optional bool
	fallback cty.Value // of an optional member; cty.NilVal: null
}

func anyConstraint() *constraint { return &constraint{leaf: cty.DynamicPseudoType} }

// isString reports whether the type is string.
func (t *constraint) isString() bool { return t.form == formLeaf && t.leaf == cty.String }

// convert makes a value of this type of v, or says why it cannot. Marks stay. Lists and sets of references become tuples, maps of them
// objects: machines of several blocks need not have the same cty type.
func (t *constraint) convert(v cty.Value) (cty.Value, error) {
	if t.form == formLeaf {
		if t.defaults != nil {
			v = t.defaults.Apply(v)
		}
		out, err := convert.Convert(v, t.leaf)
		return out, at("", err)
	}
	v, marks := v.Unmark()
	switch {
	case v.IsNull():
		return cty.NullVal(cty.DynamicPseudoType).WithMarks(marks), nil
	case !v.IsKnown():
		return cty.DynamicVal.WithMarks(marks), nil
	}
	out, err := t.convertKnown(v)
	return out.WithMarks(marks), err
}

func (t *constraint) convertKnown(v cty.Value) (cty.Value, error) {
	switch t.form {
	case formReference:
		return v, wantKind(v, t.kinds)
	case formList, formSet:
		return t.convertList(v)
	case formMap:
		return t.convertMap(v)
	case formTuple:
		return t.convertTuple(v)
	default:
		return t.convertObject(v)
	}
}

func (t *constraint) convertList(v cty.Value) (cty.Value, error) {
	if kind := kindOf(v); kind != "" {
		return cty.DynamicVal, fmt.Errorf("a list is wanted, not one %s: write [ ] around it", kind)
	}
	if !v.CanIterateElements() {
		return cty.DynamicVal, fmt.Errorf("a list is wanted, not %s", v.Type().FriendlyName())
	}
	var elements []cty.Value
	seen := map[string]bool{}
	for i, e := range sortedElements(v) {
		c, err := t.element.convert(e)
		if err != nil {
			return cty.DynamicVal, at(fmt.Sprintf("[%d]", i), err)
		}
		if a := addressOf(c); t.form == formSet && a != "" {
			if seen[a] {
				continue
			}
			seen[a] = true
		}
		elements = append(elements, c)
	}
	return cty.TupleVal(elements), nil
}

func (t *constraint) convertMap(v cty.Value) (cty.Value, error) {
	if kind := kindOf(v); kind != "" || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return cty.DynamicVal, fmt.Errorf("a map is wanted, not %s", found(v))
	}
	elements := map[string]cty.Value{}
	for k, e := range v.Elements() {
		c, err := t.element.convert(e)
		if err != nil {
			return cty.DynamicVal, at(fmt.Sprintf("[%q]", k.AsString()), err)
		}
		elements[k.AsString()] = c
	}
	return cty.ObjectVal(elements), nil
}

func (t *constraint) convertTuple(v cty.Value) (cty.Value, error) {
	if ty := v.Type(); !ty.IsTupleType() && !ty.IsListType() || v.LengthInt() != len(t.members) {
		return cty.DynamicVal, fmt.Errorf("a tuple of %d is wanted, not %s", len(t.members), found(v))
	}
	elements := v.AsValueSlice()
	for i, m := range t.members {
		c, err := m.typ.convert(elements[i])
		if err != nil {
			return cty.DynamicVal, at(fmt.Sprintf("[%d]", i), err)
		}
		elements[i] = c
	}
	return cty.TupleVal(elements), nil
}

func (t *constraint) convertObject(v cty.Value) (cty.Value, error) {
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return cty.DynamicVal, fmt.Errorf("an object is wanted, not %s", found(v))
	}
	given := v.AsValueMap()
	members := map[string]cty.Value{}
	for _, m := range t.members {
		e, ok := given[m.name]
		switch {
		case !ok && !m.optional:
			return cty.DynamicVal, fmt.Errorf("attribute %q is required", m.name)
		case (!ok || e.IsNull()) && m.fallback != cty.NilVal:
			e = m.fallback
		case !ok:
			e = cty.NullVal(cty.DynamicPseudoType)
		}
		c, err := m.typ.convert(e)
		if err != nil {
			return cty.DynamicVal, at("."+m.name, err)
		}
		members[m.name] = c
	}
	return cty.ObjectVal(members), nil
}

// sortedElements returns the elements of any collection; those of maps and objects in natural order of their keys.
func sortedElements(v cty.Value) []cty.Value {
	if ty := v.Type(); !ty.IsMapType() && !ty.IsObjectType() {
		return v.AsValueSlice()
	}
	m := v.AsValueMap()
	var elements []cty.Value
	for _, k := range naturalKeys(m) {
		elements = append(elements, m[k])
	}
	return elements
}
