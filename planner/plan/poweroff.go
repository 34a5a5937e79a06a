package plan

import (
	"maps"
	"slices"

	"viver/planner/bitset"
	"viver/planner/graph"
)

// addPowerOffs lets a node go before what the steps in its RAM use, be that on a server or on another node: clients before servers. That is a
// wish and no must, as those steps are not undone: where nodes use each other they go at the same time, and where what is used needs the node
// itself the wish is left out.
func (a *arrangement) addPowerOffs() {
	uses := a.powerOffs()
	mutual := &graph.Graph{}
	for range a.items {
		mutual.Add()
	}
	for off, used := range uses {
		for u := range used.All() {
			mutual.Edge(off, u)
		}
	}
	together := mutual.Components()
	for _, off := range slices.Sorted(maps.Keys(uses)) {
		earlier := a.graph.Ancestors(off)
		for u := range uses[off].All() {
			if together[off] != together[u] && !earlier[u] {
				a.graph.Edge(off, u)
			}
		}
	}
}

// powerOffs are the items by which goes what the steps on a node use, by the item that ends the node.
func (a *arrangement) powerOffs() map[int]*bitset.Set {
	uses := map[int]*bitset.Set{}
	for i, c := range a.changes {
		u := a.unmake[i]
		if u == none {
			u = a.powerOff(i)
		}
		if u == none || c.Type == nodeKind {
			continue
		}
		for _, user := range a.users[c.Addr.String()] {
			off := a.powerOff(user)
			if off == none || off == u {
				continue
			}
			if uses[off] == nil {
				uses[off] = &bitset.Set{}
			}
			uses[off].Add(u)
		}
	}
	return uses
}

// powerOff is the item by which a forgotten step's machine goes, or none.
func (a *arrangement) powerOff(i int) int {
	c := a.changes[i]
	if m := a.byAddr[c.Machine]; c.Forget && !c.Baked && m != nil {
		return a.unmake[a.index[m]]
	}
	return none
}
