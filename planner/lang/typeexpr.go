package lang

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
)

// machineType is the type of references to what steps run on live: a Pac does not care which of them serves.
const machineType = "machine"

// referredKinds are the kinds of instances to which values of the type that this keyword names refer; nil: it is no type of references.
func (l *loader) referredKinds(keyword string) []string {
	switch {
	case keyword == machineType:
		return []string{"node", "server"}
	case keyword == pacKind || slices.Contains(l.kinds, keyword):
		return []string{keyword}
	}
	return nil
}

// decodeType reads a type constraint. Reference types are ours; all else is as in package typeexpr.
func (l *loader) decodeType(e hcl.Expression) (*constraint, hcl.Diagnostics) {
	if kinds := l.referredKinds(hcl.ExprAsKeyword(e)); kinds != nil {
		return &constraint{form: formReference, kinds: kinds}, nil
	}
	if !l.holdsReferenceType(e) {
		ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(e)
		return &constraint{leaf: ty, defaults: defaults}, diags
	}
	call, diags := hcl.ExprCall(e)
	if diags.HasErrors() {
		return nil, diags
	}
	if len(call.Arguments) != 1 {
		return nil, hcl.Diagnostics{errorf(call.ArgsRange.Ptr(), "Invalid type", "%s( ) takes one type.", call.Name)}
	}
	arg := call.Arguments[0]
	switch call.Name {
	case "list":
		return l.decodeElement(formList, arg)
	case "set":
		return l.decodeElement(formSet, arg)
	case "map":
		return l.decodeElement(formMap, arg)
	case "tuple":
		return l.decodeTupleType(arg)
	case "object":
		return l.decodeObjectType(arg)
	default:
		return nil, hcl.Diagnostics{errorf(call.NameRange.Ptr(), "Invalid type", "There is no type %s( ).%s", call.Name, suggest(call.Name, []string{"list", "set", "map", "tuple", "object"}))}
	}
}

// holdsReferenceType reports whether a keyword for references stands anywhere in a type expression.
func (l *loader) holdsReferenceType(e hcl.Expression) bool {
	if l.referredKinds(hcl.ExprAsKeyword(e)) != nil {
		return true
	}
	if call, diags := hcl.ExprCall(e); !diags.HasErrors() {
		return slices.ContainsFunc(call.Arguments, l.holdsReferenceType)
	}
	if pairs, diags := hcl.ExprMap(e); !diags.HasErrors() {
		return slices.ContainsFunc(pairs, func(p hcl.KeyValuePair) bool { return l.holdsReferenceType(p.Value) })
	}
	if items, diags := hcl.ExprList(e); !diags.HasErrors() {
		return slices.ContainsFunc(items, l.holdsReferenceType)
	}
	return false
}

func (l *loader) decodeElement(f form, e hcl.Expression) (*constraint, hcl.Diagnostics) {
	element, diags := l.decodeType(e)
	if diags.HasErrors() {
		return nil, diags
	}
	return &constraint{form: f, element: element}, nil
}

func (l *loader) decodeTupleType(e hcl.Expression) (*constraint, hcl.Diagnostics) {
	items, diags := hcl.ExprList(e)
	t := &constraint{form: formTuple}
	for _, item := range items {
		m, more := l.decodeType(item)
		diags = append(diags, more...)
		t.members = append(t.members, member{typ: m})
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return t, nil
}

func (l *loader) decodeObjectType(e hcl.Expression) (*constraint, hcl.Diagnostics) {
	pairs, diags := hcl.ExprMap(e)
	t := &constraint{form: formObject}
	for _, p := range pairs {
		m, more := l.decodeMember(p)
		diags = append(diags, more...)
		t.members = append(t.members, m)
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return t, nil
}

// decodeMember reads `name = type`, `name = optional(type)` or `name = optional(type, default)`.
func (l *loader) decodeMember(p hcl.KeyValuePair) (member, hcl.Diagnostics) {
	m := member{name: hcl.ExprAsKeyword(p.Key)}
	if m.name == "" {
		key, diags := p.Key.Value(nil)
		if diags.HasErrors() || key.Type() != cty.String || key.IsNull() || !key.IsKnown() {
			return m, hcl.Diagnostics{errorf(p.Key.Range().Ptr(), "Invalid type", "The attributes of an object type are plain names.")}
		}
		m.name = key.AsString()
	}
	e := p.Value
	call, callDiags := hcl.ExprCall(e)
	if !callDiags.HasErrors() && call.Name == "optional" {
		if n := len(call.Arguments); n != 1 && n != 2 {
			return m, hcl.Diagnostics{errorf(call.ArgsRange.Ptr(), "Invalid type", "optional( ) takes a type, and perhaps a default.")}
		}
		m.optional, e = true, call.Arguments[0]
	}
	var diags hcl.Diagnostics
	m.typ, diags = l.decodeType(e)
	if m.optional && len(call.Arguments) == 2 && !diags.HasErrors() {
		m.fallback, diags = l.memberDefault(m, call.Arguments[1])
	}
	return m, diags
}

func (l *loader) memberDefault(m member, e hcl.Expression) (cty.Value, hcl.Diagnostics) {
	v, diags := e.Value(nil)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	v, err := m.typ.convert(v)
	if err != nil {
		return cty.NilVal, hcl.Diagnostics{errorf(e.Range().Ptr(), "Unsuitable default", "The default of attribute %q does not fit its type: %s.", m.name, err)}
	}
	return v, nil
}
