package plan

import (
	"slices"

	"viver/planner/bitset"
	"viver/planner/resource"
)

// addEdges says what comes before what: what is used is made before its users, and taken away after them.
func (a *arrangement) addEdges() {
	for i, c := range a.changes {
		if m := a.make[i]; m != none {
			for _, dependency := range a.needs(i) {
				a.edges(a.front(dependency), m)
			}
		}
		if u := a.unmake[i]; u != none {
			if m := a.maker(i); m != none {
				a.graph.Edge(u, m)
			}
			for _, user := range a.users[c.Addr.String()] {
				a.edges(a.back(user, c.Action == resource.Delete && !a.isPinned(c.Addr.String())), u)
			}
		}
	}
	a.addPowerOffs()
}

func (a *arrangement) edges(before *bitset.Set, then int) {
	for b := range before.All() {
		a.graph.Edge(b, then)
	}
}

// needs are the changes that one depends on; an image depends on what the steps in it depend on.
func (a *arrangement) needs(i int) []int {
	c := a.changes[i]
	list := c.depends
	for _, step := range a.baked[c.Addr.String()] {
		list = append(list[:len(list):len(list)], a.changes[step].depends...)
	}
	return list
}

// front is the items after which what depends on a change can begin: its own, or if there is nothing to do about it, those of what it
// depends on itself.
func (a *arrangement) front(i int) *bitset.Set {
	if a.fronts[i] != nil {
		return a.fronts[i]
	}
	set := &bitset.Set{}
	a.fronts[i] = set
	c := a.changes[i]
	if m := a.maker(i); m != none {
		set.Add(m)
		return set
	}
	for _, dependency := range c.depends {
		set.Or(*a.front(dependency))
	}
	return set
}

// maker is the item that brings a change about: for a step in an image, the image's.
func (a *arrangement) maker(i int) int {
	if c := a.changes[i]; c.Baked {
		if image := a.byAddr[c.Machine]; image != nil {
			return a.make[a.index[image]]
		}
	}
	return a.make[i]
}

// back is the items that must be done before what a change depended on can be taken away: the one that takes the change away too; or
// the one that makes it do without (updated: only if that is asked for), and those of what depends on it in turn.
func (a *arrangement) back(i int, updated bool) *bitset.Set {
	if a.unmake[i] != none {
		own := bitset.Of(a.unmake[i])
		return &own
	}
	set := a.laterBacks(i, updated).Clone()
	if m := a.maker(i); updated && m != none {
		set.Add(m)
	}
	return &set
}

// laterBacks is the items of what depends on a change.
func (a *arrangement) laterBacks(i int, updated bool) *bitset.Set {
	key := backOf{i, updated}
	if a.backs[key] != nil {
		return a.backs[key]
	}
	set := &bitset.Set{}
	a.backs[key] = set
	for _, user := range a.users[a.changes[i].Addr.String()] {
		set.Or(*a.back(user, updated))
	}
	return set
}

// isPinned says that an address depends, as remembered, on an instance that is replaced: it must go before that is made anew, so it cannot wait
// until those who used it, and now use the new one, are updated.
func (a *arrangement) isPinned(at string) bool {
	if known, ok := a.pinned[at]; ok {
		return known
	}
	a.pinned[at] = false
	i := a.State.Instances[at]
	a.pinned[at] = i != nil && slices.ContainsFunc(i.Depends, func(d string) bool {
		c := a.byAddr[d]
		return c != nil && c.Action == resource.Replace || a.isPinned(d)
	})
	return a.pinned[at]
}
