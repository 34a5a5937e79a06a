package plan

import (
	"regexp"
	"slices"
	"strings"

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

// named are the changes that addresses mean, steps in an image with the image.
func (s *selection) named(addresses []string) (list []int) {
	for i, c := range s.changes {
		if slices.ContainsFunc(addresses, func(a string) bool { return c.means(a) || c.Baked && means(a, c.Machine) }) {
			list = append(list, i)
		}
	}
	return list
}

// unknown reports addresses that mean nothing; flag is where they come from.
func (s *selection) unknown(flag string, addresses []string) (diags hcl.Diagnostics) {
	for _, a := range addresses {
		if !slices.ContainsFunc(s.changes, func(c *Change) bool { return c.means(a) }) {
			diags = append(diags, fault("Unknown address", "--"+flag+" "+a+": nothing in the configuration or the state has this address. viver plan shows what there is."))
		}
	}
	return diags
}

// bareKey is a text as key without quotes, as plans show it and shells like it: node.pc[pc01].
var bareKey = regexp.MustCompile(`\[([^]"0-9][^]"]*)\]`)

// means reports whether an address that was given means the instance at another.
func means(given, address string) bool {
	rest, ok := strings.CutPrefix(address, bareKey.ReplaceAllString(given, `["$1"]`))
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
