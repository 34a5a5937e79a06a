package plan

import "viver/planner/resource"

// Stays reports whether any instance of a type is to be there when the plan has been carried out, remembered or not.
func (p *Plan) Stays(typ string) bool {
	for _, c := range p.Changes {
		if c.Type != typ {
			continue
		}
		switch c.Action {
		case resource.Delete:
		case resource.NoOp:
			if c.Prior != nil { // not one that is left out and was never made
				return true
			}
		default:
			return true
		}
	}
	return false
}
