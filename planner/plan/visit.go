package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
	"viver/planner/resource"
)

// visit decides about one declared instance.
func (d *draft) visit(i *lang.Instance, obj lang.Object) (cty.Value, hcl.Diagnostics) {
	t := d.Types[i.Type]
	if t == nil {
		return cty.NilVal, fail(i.Range, "Unknown type", "This viver knows no type \""+i.Type+"\".")
	}
	s, at := d.schema(i.Type), i.Addr.String()
	c := &Change{
		Addr: i.Addr, Number: i.Number, Type: i.Type, Range: i.Range, Machine: i.Machine, MachineKind: i.MachineKind,
		Baked: d.bakes(i.MachineKind), Config: obj.Value, Prior: d.State.Instances[at],
		MovedFrom: d.declared.former[at], requires: i.Requires,
	}
	c.Name = d.name(c)
	for n := range obj.Depends.All() {
		c.depends = append(c.depends, n)
	}
	if (c.Baked || s.Bakes) && holdsSecret(obj.Value) {
		return cty.NilVal, fail(i.Range, "Secret in an image", "An argument of "+at+" is sensitive, and what goes into an image can be read by every "+
			"machine on the network. Bring the secret about by a step on the machines that need it.")
	}
	if s.Check != nil {
		if err := s.Check(WithoutSecrets(obj.Value)); err != nil {
			return cty.NilVal, fail(i.Range, "Unsuitable arguments", at+": "+err.Error()+".")
		}
	}
	if err := d.unique(at, i.Type, s, obj.Value); err != nil {
		return cty.NilVal, fail(i.Range, "Not unique", err.Error()+".")
	}
	inputs, refs, err := d.memory.Inputs(at, s, obj.Value)
	if err != nil {
		return cty.NilVal, fail(i.Range, "Arguments cannot be remembered", err.Error())
	}
	c.inputs = inputs
	d.lifecycle(c, obj.Lifecycle)
	if found := d.declared.found[at]; found != nil && c.Prior == nil {
		if err := d.imported(c, s, found); err != nil {
			return cty.NilVal, fail(i.Range, "Cannot be imported", err.Error())
		}
	} else {
		d.decide(c, s, inputs, refs)
	}
	d.consequence(c, t)
	d.changes = append(d.changes, c)
	d.byAddr[at] = c
	return Value(s, obj.Value, c.computed), nil
}

// consequence asks the type what an update means.
func (d *draft) consequence(c *Change, t resource.Type) {
	asked, ok := t.(resource.Consequencer)
	if !ok || c.Action != resource.Update || c.Prior == nil {
		return
	}
	remembered := func(at string) cty.Value { return PriorValue(d.State.Instance, at) }
	c.Consequence = asked.Consequence(resource.Modification{Config: WithoutSecrets(c.Config), Prior: remembered(c.Addr.String()), Remembered: remembered})
}

// WithoutSecrets is a value in which sensitive parts, at any depth, are unknown: what may be shown, and given to who shows it.
func WithoutSecrets(v cty.Value) cty.Value {
	if !v.ContainsMarked() {
		return v
	}
	clean, err := cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if v.IsMarked() {
			return cty.UnknownVal(v.Type()), nil
		}
		return v, nil
	})
	if err != nil { // a function without errors has none
		return cty.UnknownVal(v.Type())
	}
	return clean
}

// holdsSecret reports whether a sensitive argument is set, at any depth.
func holdsSecret(object cty.Value) bool {
	found := false
	_ = cty.Walk(object, func(_ cty.Path, v cty.Value) (bool, error) { // the function has no errors
		found = found || v.IsMarked() && !v.IsNull()
		return !found, nil
	})
	return found
}

// unique says which instance has a value already that only one may have.
func (d *draft) unique(at, kind string, s *resource.Schema, object cty.Value) error {
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		if !s.Attributes[name].Unique {
			continue
		}
		v, marks := object.GetAttr(name).Unmark()
		if v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
			continue
		}
		key := kind + "." + name + "=" + strings.ToLower(v.AsString())
		if other, ok := d.taken[key]; ok {
			shown := strconv.Quote(v.AsString())
			if len(marks) > 0 {
				shown = "(sensitive value)"
			}
			return fmt.Errorf("%s has the %s %s, and so has %s: each needs one of its own", at, name, shown, other)
		}
		d.taken[key] = at
	}
	return nil
}
