package plan

import (
	"regexp"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
)

// nameArgument is the argument by which people know a machine.
const nameArgument = "name"

// plainName is a name that can stand in an address as a key without quotes. Numbers cannot, nor can the digests of sensitive names.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// Label is the address with the machine's name in place of the key, where it has one: node.pc["pc07"] for node.pc[6]. It is what people
// are shown, and what they may give as a target.
func (c *Change) Label() addr.Instance {
	at := c.Addr
	if c.Name != "" {
		at.Key = addr.Text(c.Name)
	}
	return at
}

// name is the name of a machine among the others of its block, or of the machine on which a step is one of several; empty if the key says all.
func (d *draft) name(c *Change) string {
	if c.Addr.Key.IsNone() {
		return ""
	}
	if c.Machine == "" {
		return ownName(c)
	}
	if m := d.byAddr[c.Machine]; m != nil && m.Addr.Key == c.Addr.Key {
		return m.Name
	}
	return ""
}

// ownName is the argument "name", as it is declared or remembered.
func ownName(c *Change) string {
	object := c.Config
	if object == cty.NilVal && c.Prior != nil {
		object = c.Prior.Inputs
	}
	if object == cty.NilVal || object.IsMarked() || object.IsNull() || !object.Type().IsObjectType() || !object.Type().HasAttribute(nameArgument) {
		return ""
	}
	v := object.GetAttr(nameArgument)
	if v.IsMarked() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() || !plainName.MatchString(v.AsString()) {
		return ""
	}
	return v.AsString()
}

// asKnown is the instance as people know it.
func (d *draft) asKnown(c *Change) addr.Known {
	k := addr.Known{Addr: c.Addr, Name: c.Name, Step: c.Machine != ""}
	if k.Name != "" || k.Step {
		return k
	}
	k.Name = ownName(c)
	if k.Name == "" && c.Prior != nil {
		k.Name = c.Prior.Name()
	}
	if s := d.schema(c.Type); k.Name == "" && s != nil && s.Attributes[nameArgument] != nil && c.Addr.Key.IsNone() {
		k.Name = c.Addr.Name // as a server is called that is not there yet
	}
	return k
}

// find returns the places of the changes that a query means.
func (d *draft) find(query string) ([]int, error) {
	if d.all == nil {
		for _, c := range d.changes {
			d.all = append(d.all, d.asKnown(c))
		}
	}
	return addr.Find(query, d.all)
}
