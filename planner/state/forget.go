package state

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"viver/planner/addr"
)

// Without returns a state that has forgotten what patterns name, and the steps on forgotten machines, with the addresses of all of
// them. What depended on a forgotten instance depends on what that depended on, so that the order of a destroy stays right. The serial
// stays.
func (s *State) Without(patterns ...string) (*State, []string, error) {
	gone := map[string]bool{}
	for _, p := range patterns {
		found, err := s.Find(p)
		if err != nil {
			return nil, nil, err
		}
		for _, at := range found {
			gone[at] = true
		}
	}
	for at, i := range s.Instances {
		if gone[i.Machine] {
			gone[at] = true
		}
	}
	next := s.Clone()
	for at := range gone {
		delete(next.Instances, at)
		delete(next.Origins, at)
	}
	for at, i := range next.Instances {
		next.Instances[at] = s.bridged(i, gone)
	}
	return next, Sorted(maps.Keys(gone)), nil
}

// bridged is an instance whose dependencies on what is gone are replaced by the dependencies of that.
func (s *State) bridged(i *Instance, gone map[string]bool) *Instance {
	if !slices.ContainsFunc(i.Depends, func(at string) bool { return gone[at] }) {
		return i
	}
	depends := map[string]bool{}
	seen := map[string]bool{}
	for queue := slices.Clone(i.Depends); len(queue) > 0; {
		at := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		switch {
		case seen[at]:
		case gone[at]:
			queue = append(queue, s.Instances[at].Depends...)
		case at != i.Addr:
			depends[at] = true
		}
		seen[at] = true
	}
	c := *i
	c.Depends = slices.Sorted(maps.Keys(depends))
	return &c
}

// Addresses returns those of all instances, in order.
func (s *State) Addresses() []string { return Sorted(maps.Keys(s.Instances)) }

// Sorted orders addresses as people count: pc2 before pc10.
func Sorted(addresses iter.Seq[string]) []string {
	type parsed struct {
		text string
		at   addr.Instance
	}
	var all []parsed
	for text := range addresses {
		at, _ := addr.Parse(text) // what is no address comes first
		all = append(all, parsed{text, at})
	}
	slices.SortFunc(all, func(a, b parsed) int { return cmp.Or(addr.Compare(a.at, b.at), cmp.Compare(a.text, b.text)) })
	sorted := []string{}
	for _, p := range all {
		sorted = append(sorted, p.text)
	}
	return sorted
}
