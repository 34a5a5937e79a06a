package plan

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/bitset"
	"viver/planner/resource"
)

// selection restricts a plan to a part. What is left out stays as it is.
type selection struct {
	*draft
	index  map[*Change]int
	usedBy map[string][]int // changes whose remembered dependencies have an address
	needs  map[int][]int    // changes whose declared dependencies have a number
}

// restrict leaves out what is neither a target nor needed by one, and what is excluded or needs that. Both are addresses: of an instance, of
// a block with all its instances, or of a Pac with everything in it.
func (d *draft) restrict() hcl.Diagnostics {
	if len(d.Targets)+len(d.Exclude)+len(d.Replace) == 0 {
		return nil
	}
	s := &selection{draft: d, index: map[*Change]int{}, usedBy: map[string][]int{}, needs: map[int][]int{}}
	for i, c := range d.changes {
		s.index[c] = i
		for _, n := range c.depends {
			s.needs[n] = append(s.needs[n], i)
		}
		if c.Prior == nil {
			continue
		}
		for _, at := range c.Prior.Depends {
			s.usedBy[at] = append(s.usedBy[at], i)
		}
	}
	if len(d.Targets) > 0 {
		wanted := s.closure(s.named(d.Targets), s.along)
		for i, c := range d.changes {
			if !wanted.Has(i) {
				c.leaveOut()
			}
		}
	}
	for i := range s.closure(s.excluded(), s.without).All() {
		d.changes[i].leaveOut()
	}
	for _, c := range d.changes { // some were to be forgotten with their machines, which now stay
		c.Forget = c.Action == resource.Delete && c.Machine != "" && d.forgotten(c.Prior)
	}
	return slices.Concat(s.unknown("target", d.Targets), s.unknown("exclude", d.Exclude), s.unknown("replace", d.Replace))
}

func (c *Change) leaveOut() {
	c.Action, c.Reasons, c.LeftOut, c.Remember, c.Forget, c.Consequence = resource.NoOp, nil, true, nil, false, ""
}

// closure is the changes that follow calls for, beginning with some.
func (s *selection) closure(from []int, follow func(int) []int) bitset.Set {
	var all bitset.Set
	for len(from) > 0 {
		var i int
		i, from = from[len(from)-1], from[:len(from)-1]
		if !all.Has(i) {
			all.Add(i)
			from = append(from, follow(i)...)
		}
	}
	return all
}

// along is what must be done when a change is: what it needs; and when something goes, all that is known to use it.
func (s *selection) along(i int) []int {
	c := s.changes[i]
	list := slices.Clone(c.depends)
	if c.Action == resource.Delete {
		for _, user := range s.usedBy[c.Addr.String()] {
			if s.changes[user].Action != resource.NoOp {
				list = append(list, user)
			}
		}
	}
	return list
}

// without is what cannot be done when a change is not: what needs it; and when something does not go, the going of what it uses.
func (s *selection) without(i int) []int {
	c := s.changes[i]
	switch c.Action {
	case resource.NoOp:
		return nil
	case resource.Delete:
		var list []int
		for _, at := range c.Prior.Depends {
			if used := s.byAddr[at]; used != nil && used.Action == resource.Delete {
				list = append(list, s.index[used])
			}
		}
		return list
	}
	list := slices.Clone(s.needs[i])
	if m := s.byAddr[c.Machine]; c.Baked && m != nil {
		list = append(list, s.index[m])
	}
	return list
}

// excluded are the changes that are excluded by name, with all that need them even if there is nothing to do about what was named: a
// machine that nobody should touch is left alone, steps on it included.
func (s *selection) excluded() []int {
	list := s.named(s.Exclude)
	for _, i := range list {
		if s.changes[i].Action == resource.NoOp {
			list = append(list, s.needs[i]...)
		}
	}
	return list
}

// named are the changes that queries mean, steps in an image with the image. Those that mean nothing are reported by unknown.
func (s *selection) named(queries []string) (list []int) {
	var found bitset.Set
	for _, q := range queries {
		places, _ := s.find(q)
		for _, i := range places {
			found.Add(i)
		}
	}
	for i, c := range s.changes {
		if m := s.byAddr[c.Machine]; found.Has(i) || c.Baked && m != nil && found.Has(s.index[m]) {
			list = append(list, i)
		}
	}
	return list
}

// unknown reports queries that mean nothing; flag is where they come from.
func (s *selection) unknown(flag string, queries []string) (diags hcl.Diagnostics) {
	for _, q := range queries {
		if _, err := s.find(q); err != nil {
			diags = append(diags, fault("Unknown address", "--"+flag+" "+q+": "+err.Error()+". viver plan shows what there is in the configuration and the state."))
		}
	}
	return diags
}
