package plan

import (
	"cmp"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/addr"
	"viver/planner/lang"
	"viver/planner/resource"
	"viver/planner/state"
)

// nodeKind is the kind of machine whose steps live in RAM: they end with it.
const nodeKind = "node"

// decide fills in the action, its reasons and the computed attributes as they will be.
func (d *draft) decide(c *Change, s *resource.Schema, inputs cty.Value, refs map[string]map[string]string) {
	at := c.Addr.String()
	if c.Prior == nil {
		c.Action, c.computed = resource.Create, d.computed(c, s, anything)
		return
	}
	found := d.seen[at]
	c.Unreachable, c.Note = found.Status == resource.Unreachable, found.Reason
	changed := c.differs(s, inputs, refs)
	c.Action, c.Reasons, c.changed = resource.Update, changed.reasons, changed.arguments
	follows := changed.follows
	switch {
	case found.Status == resource.Absent:
		c.Action, follows = resource.Create, anything
		c.Reasons = append([]Reason{{What: cmp.Or(found.Reason, "gone")}}, c.Reasons...)
	case d.machineIsNew(c):
		c.Action, follows = resource.Create, anything
		c.Reasons = append([]Reason{{What: c.Machine + " is new"}}, c.Reasons...)
	case d.replaced[at]:
		c.Action, follows = resource.Replace, anything
		c.Reasons = append([]Reason{{What: "asked for by --replace"}}, c.Reasons...)
	case len(c.triggers) > 0:
		c.Action, follows = resource.Replace, anything
		c.Reasons = append(c.triggers[:len(c.triggers):len(c.triggers)], c.Reasons...)
	case changed.replaces || c.Machine != c.Prior.Machine:
		c.Action, follows = resource.Replace, anything
	case c.Prior.Status == state.Incomplete:
		follows = anything
		c.Reasons = append([]Reason{{What: "the last apply did not finish it"}}, c.Reasons...)
	case d.baking[at] != nil:
		follows = anything
		c.Reasons = append(c.Reasons, d.baking[at]...)
	case found.Status == resource.Drifted:
		c.Reasons = append(c.Reasons, Reason{What: cmp.Or(found.Reason, "not as it was left")})
	case len(c.Reasons) == 0:
		c.Action = resource.NoOp
		d.remember(c, s, inputs, found.Computed)
	}
	c.computed = d.computed(c, s, follows)
}

// differs compares the arguments, and what they refer to, with what is remembered.
func (c *Change) differs(s *resource.Schema, inputs cty.Value, refs map[string]map[string]string) difference {
	changed := diff(s, c.Prior.Inputs, inputs, c.ignores)
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if reasons := diffRefs(c.Prior.Refs[name], refs[name]); len(reasons) > 0 && !changed.arguments[name] && !c.ignores(name) {
			changed.arguments[name] = true
			changed.reasons = append(changed.reasons, reasons...)
		}
	}
	return changed
}

// machineIsNew says that a step's machine is made anew, so that nothing of the step is there.
func (d *draft) machineIsNew(c *Change) bool {
	m := d.byAddr[c.Machine]
	return m != nil && !c.Baked && (m.Action == resource.Create || m.Action == resource.Replace)
}

// anything is for changes from which every computed attribute follows that follows from arguments at all.
func anything(*resource.Attribute) bool { return true }

// follows says whether a computed attribute follows from one of the changed arguments.
func (d difference) follows(a *resource.Attribute) bool {
	if a.From == nil {
		return len(d.arguments) > 0
	}
	return slices.ContainsFunc(a.From, func(name string) bool { return d.arguments[name] })
}

// computed returns the attributes that an instance will have: unknown where follows says so, else as found or remembered.
func (d *draft) computed(c *Change, s *resource.Schema, follows func(*resource.Attribute) bool) map[string]cty.Value {
	all := map[string]cty.Value{}
	made := c.Action == resource.Create || c.Action == resource.Replace
	for name, a := range s.Attributes {
		if !a.Computed {
			continue
		}
		if v, ok := d.known(c, name, a); ok && !made && (isFact(a) || !follows(a)) {
			all[name] = v
		} else {
			all[name] = cty.UnknownVal(a.Type)
		}
	}
	return all
}

// known returns the value of a computed attribute that was found or is remembered. Of sensitive ones only a digest is.
func (d *draft) known(c *Change, name string, a *resource.Attribute) (v cty.Value, ok bool) {
	if c.Prior == nil {
		return cty.NilVal, false
	}
	v, ok = d.seen[c.Addr.String()].Computed[name]
	if !ok && !a.Sensitive {
		v, ok = c.Prior.Computed[name]
	}
	if !ok && !a.Sensitive && c.Prior.Status == state.Complete {
		v, ok = cty.NullVal(a.Type), true
	}
	if !ok {
		return cty.NilVal, false
	}
	v, err := convert.Convert(v, a.Type)
	return v, err == nil
}

// finish adds what is remembered but no longer declared, and the places of steps.
func (d *draft) finish() {
	var gone []*Change
	for at, i := range d.State.Instances {
		if d.byAddr[at] == nil {
			c := deletion(i, d.seen[at])
			c.MovedFrom = d.declared.former[at]
			if d.declared.forgets(at) {
				c.Action, c.Reasons = resource.Forget, []Reason{{What: "a removed block leaves it as it is"}}
			}
			gone = append(gone, c)
		}
	}
	slices.SortFunc(gone, func(a, b *Change) int { return addr.Compare(a.Addr, b.Addr) })
	places := map[string]int{}
	for _, c := range d.changes {
		if c.Machine != "" {
			c.Position = places[c.Machine]
			places[c.Machine]++
		}
	}
	d.changes = append(d.changes, gone...)
	for _, c := range gone {
		d.byAddr[c.Addr.String()], c.Name = c, ownName(c)
	}
	for _, c := range gone {
		c.Baked = d.bakes(c.MachineKind)
		c.Forget = c.Action == resource.Delete && c.Machine != "" && d.forgotten(c.Prior)
		c.Name = d.name(c)
	}
}

// deletion is the change for an instance that is only remembered.
func deletion(i *state.Instance, found resource.Observation) *Change {
	at, err := addr.Parse(i.Addr)
	if err != nil { // not written by this viver: keep it together as a name
		at = addr.Instance{Type: i.Type, Name: i.Addr}
	}
	return &Change{
		Addr: at, Number: -1, Type: i.Type, Action: resource.Delete, Machine: i.Machine, MachineKind: i.MachineKind,
		Position: i.Position, Prior: i, Unreachable: found.Status == resource.Unreachable, Note: found.Reason,
	}
}

// forgotten says that a remembered step need not be undone: it is in an image, its machine's RAM ends in the same plan, or its machine is
// unknown.
func (d *draft) forgotten(step *state.Instance) bool {
	m := d.byAddr[step.Machine]
	return m == nil || d.bakes(step.MachineKind) || step.MachineKind == nodeKind && ends(m)
}

// ends says that a machine goes, for good or to be made anew.
func ends(m *Change) bool {
	return m.Action == resource.Delete || m.Action == resource.Replace || m.Action == resource.Create
}

// dirty returns the images of which a baked step changed, with the steps as reasons.
func (d *draft) dirty() map[string][]Reason {
	images := map[string][]Reason{}
	add := func(image string, c *Change) {
		if m := d.byAddr[image]; m == nil || ends(m) {
			return
		}
		if !slices.Contains(images[image], Reason{What: c.Addr.String()}) {
			images[image] = append(images[image], Reason{What: c.Addr.String()})
		}
	}
	for _, c := range d.changes {
		if c.Action == resource.NoOp {
			continue
		}
		if c.Baked {
			add(c.Machine, c)
		}
		if c.Prior != nil && d.bakes(c.Prior.MachineKind) {
			add(c.Prior.Machine, c)
		}
	}
	return images
}

var _ Walker = (*lang.Evaluator)(nil)
