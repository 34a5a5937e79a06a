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

// means reports whether an address that was given means the instance, or a block or Pac with it; a machine's name can stand for its key.
func (c *Change) means(given string) bool {
	return means(given, c.Addr.String()) || c.Name != "" && means(given, c.Label().String())
}
