package state

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
)

// Find returns the addresses of all that a person means by a query (see addr.Query), in order.
func (s *State) Find(query string) ([]string, error) {
	addresses := s.Addresses()
	known := make([]addr.Known, len(addresses))
	for n, at := range addresses {
		known[n] = s.known(s.Instances[at])
	}
	places, err := addr.Find(query, known)
	if err != nil {
		return nil, fmt.Errorf("state: %w: `viver state list` shows what there is", err)
	}
	found := make([]string, len(places))
	for n, place := range places {
		found[n] = addresses[place]
	}
	return found, nil
}

// known is an instance as people know it.
func (s *State) known(i *Instance) addr.Known {
	at, err := addr.Parse(i.Addr)
	if err != nil {
		return addr.Known{} // nothing means it
	}
	k := addr.Known{Addr: at, Name: i.Name(), Step: i.Machine != ""}
	if m := s.Instances[i.Machine]; m != nil {
		if on, err := addr.Parse(m.Addr); err == nil && on.Key == at.Key && !at.Key.IsNone() {
			k.Name = m.Name()
		}
	}
	return k
}

// nameAttribute is the argument, or the computed attribute, by which people know a machine.
const nameAttribute = "name"

// Name is the name of a machine; empty for what has none, and for steps.
func (i *Instance) Name() string {
	if i.Machine != "" {
		return ""
	}
	v := i.Computed[nameAttribute]
	if i.Inputs != cty.NilVal && !i.Inputs.IsNull() && i.Inputs.Type().IsObjectType() && i.Inputs.Type().HasAttribute(nameAttribute) {
		v = i.Inputs.GetAttr(nameAttribute)
	}
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}
