package plan

import (
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/planner/state"
)

// onArgument is the argument of every step that names its machine.
const onArgument = "on"

// collapser turns evaluated objects into what state keeps: references become addresses, sensitive values become digests. Unknown
// parts stay unknown.
type collapser struct {
	state *state.State
	err   error // the first digest that failed
}

// object collapses the arguments of an instance, or of a block within one. Where is its address, for the digests.
func (c *collapser) object(where string, s *resource.Schema, v cty.Value) cty.Value {
	v, marks := v.Unmark()
	if len(marks) > 0 || v.IsNull() || !v.IsKnown() {
		return c.plain(where, v.WithMarks(marks))
	}
	attrs := map[string]cty.Value{}
	for name, arg := range v.AsValueMap() {
		at := where + "/" + name
		attribute, block := s.Attributes[name], s.Blocks[name]
		switch {
		case block != nil:
			attrs[name] = c.block(at, block, arg)
		case name == onArgument || attribute != nil && attribute.Refers != nil:
			attrs[name] = addresses(arg)
		case attribute != nil && attribute.Sensitive:
			attrs[name] = c.secret(at, arg)
		default:
			attrs[name] = c.plain(at, arg)
		}
	}
	return cty.ObjectVal(attrs)
}

func (c *collapser) block(where string, b *resource.Block, v cty.Value) cty.Value {
	if b.Single || v.IsMarked() || v.IsNull() || !v.IsKnown() {
		return c.object(where, &b.Schema, v)
	}
	list := []cty.Value{}
	for _, element := range elements(v) {
		list = append(list, c.object(where, &b.Schema, element))
	}
	return cty.TupleVal(list)
}

// plain leaves a value as it is but for its sensitive parts.
func (c *collapser) plain(where string, v cty.Value) cty.Value {
	switch {
	case v.IsMarked():
		return c.secret(where, v)
	case !v.ContainsMarked():
		return v
	case v.Type().IsObjectType() || v.Type().IsMapType():
		attrs := map[string]cty.Value{}
		for name, element := range v.AsValueMap() {
			attrs[name] = c.plain(where+"/"+name, element)
		}
		return cty.ObjectVal(attrs)
	default:
		list := []cty.Value{}
		for _, element := range elements(v) {
			list = append(list, c.plain(where, element))
		}
		return cty.TupleVal(list)
	}
}

// secret is a digest in place of the value.
func (c *collapser) secret(where string, v cty.Value) cty.Value {
	v, _ = v.UnmarkDeep()
	switch {
	case !v.IsWhollyKnown():
		return cty.UnknownVal(cty.String)
	case v.IsNull():
		return cty.NullVal(cty.String)
	}
	digest, err := c.state.Digest(where, v)
	if err != nil && c.err == nil {
		c.err = err
	}
	return cty.StringVal(digest)
}

// addresses puts addresses in place of instances. Collections become tuples and objects; sets are ordered by address.
func addresses(v cty.Value) cty.Value {
	v, _ = v.Unmark()
	t := v.Type()
	switch {
	case v.IsNull():
		return cty.NullVal(cty.String)
	case !v.IsKnown():
		return cty.UnknownVal(cty.String)
	}
	if _, at, ok := instance(v); ok {
		return cty.StringVal(at)
	}
	switch {
	case t.IsObjectType() || t.IsMapType():
		attrs := map[string]cty.Value{}
		for name, element := range v.AsValueMap() {
			attrs[name] = addresses(element)
		}
		return cty.ObjectVal(attrs)
	case t.IsListType() || t.IsTupleType() || t.IsSetType():
		list := []cty.Value{}
		for _, element := range elements(v) {
			list = append(list, addresses(element))
		}
		if t.IsSetType() {
			slices.SortFunc(list, byText)
		}
		return cty.TupleVal(list)
	}
	return v
}

func byText(a, b cty.Value) int {
	text := func(v cty.Value) string {
		if v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
			return v.AsString()
		}
		return ""
	}
	return strings.Compare(text(a), text(b))
}

// instance returns what kind of instance v is the object of, and its address.
func instance(v cty.Value) (kind, address string, ok bool) {
	if !v.Type().IsObjectType() || v.IsNull() || !v.IsKnown() || !v.Type().HasAttribute("kind") || !v.Type().HasAttribute("addr") {
		return "", "", false
	}
	k, _ := v.GetAttr("kind").Unmark()
	a, _ := v.GetAttr("addr").Unmark()
	for _, text := range []cty.Value{k, a} {
		if text.Type() != cty.String || text.IsNull() || !text.IsKnown() {
			return "", "", false
		}
	}
	return k.AsString(), a.AsString(), true
}

// elements of a list, set or tuple that is known and not null.
func elements(v cty.Value) []cty.Value {
	v, _ = v.Unmark()
	return v.AsValueSlice()
}
