package plan

import (
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// difference is how arguments differ from the remembered ones.
type difference struct {
	arguments map[string]bool // names at the top level
	reasons   []Reason
	replaces  bool
}

// diff compares collapsed arguments, but for those in which differences do not count. What is not known yet counts as different.
func diff(s *resource.Schema, before, after cty.Value, ignores func(name string) bool) difference {
	d := difference{arguments: map[string]bool{}}
	for _, name := range names(before, after) {
		a, b := attribute(s, before, name), attribute(s, after, name)
		if isManner(s, name) || ignores(name) || same(a, b) {
			continue
		}
		d.arguments[name] = true
		d.reasons = append(d.reasons, reason(name, a, b))
		if attr := s.Attributes[name]; attr != nil {
			d.replaces = d.replaces || attr.Replaces
		} else if block := s.Blocks[name]; block != nil {
			d.replaces = d.replaces || blockReplaces(block, a, b)
		}
	}
	return d
}

// timeoutArgument is an argument of every step.
const timeoutArgument = "timeout"

// isManner says that an argument is about how apply works only.
func isManner(s *resource.Schema, name string) bool {
	if a := s.Attributes[name]; a != nil {
		return a.Manner
	}
	b := s.Blocks[name]
	return b != nil && b.Manner || b == nil && name == timeoutArgument
}

func nothing(string) bool { return false }

// ignores says that differences in an argument do not count.
func (c *Change) ignores(name string) bool { return c.ignoreAll || c.ignored[name] }

// blockReplaces looks for changed arguments within blocks, which are compared one by one in their order.
func blockReplaces(b *resource.Block, before, after cty.Value) bool {
	from, to := []cty.Value{before}, []cty.Value{after}
	if before.Type().IsTupleType() && after.Type().IsTupleType() {
		from, to = elements(before), elements(after)
	}
	for i := range max(len(from), len(to)) {
		if diff(&b.Schema, at(from, i), at(to, i), nothing).replaces {
			return true
		}
	}
	return false
}

func at(list []cty.Value, i int) cty.Value {
	if i < len(list) {
		return list[i]
	}
	return cty.NullVal(cty.EmptyObject)
}

// names of all attributes that one of two objects has, sorted.
func names(objects ...cty.Value) []string {
	set := map[string]bool{}
	for _, o := range objects {
		if o.Type().IsObjectType() {
			for name := range o.Type().AttributeTypes() {
				set[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// attribute of a collapsed object. One that is missing was no argument of the viver which remembered the object: it had the default.
func attribute(s *resource.Schema, object cty.Value, name string) cty.Value {
	if !object.IsKnown() {
		return cty.DynamicVal
	}
	if !object.IsNull() && object.Type().HasAttribute(name) {
		return object.GetAttr(name)
	}
	if a := s.Attributes[name]; a != nil && a.Default != cty.NilVal {
		return a.Default
	}
	if b := s.Blocks[name]; b != nil && !b.Single {
		return cty.EmptyTupleVal
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// same says that two collapsed values are known and equal; nulls are equal whatever their type.
func same(a, b cty.Value) bool {
	if !a.IsWhollyKnown() || !b.IsWhollyKnown() {
		return false
	}
	return a.IsNull() && b.IsNull() || a.RawEquals(b)
}

// shortText is the length from which on values are not shown in reasons.
const shortText = 32

func reason(name string, before, after cty.Value) Reason {
	from, okFrom := short(before)
	to, okTo := short(after)
	if !okFrom || !okTo {
		return Reason{What: name}
	}
	return Reason{What: name, From: from, To: to}
}

// short is a value as text, if that is short and no digest.
func short(v cty.Value) (text string, ok bool) {
	switch {
	case !v.IsKnown():
		return "(known later)", true
	case v.IsNull():
		return "null", true
	case v.Type() == cty.Number:
		text = v.AsBigFloat().Text('g', -1)
		if i, exact := v.AsBigFloat().Int(nil); exact == big.Exact {
			text = i.String()
		}
	case v.Type() == cty.Bool:
		text = map[bool]string{true: "true", false: "false"}[v.True()]
	case v.Type() == cty.String:
		text = v.AsString()
		if text == "" {
			text = `""`
		}
	default:
		return "", false
	}
	return text, len(text) < shortText && !strings.ContainsAny(text, "\n\t")
}
