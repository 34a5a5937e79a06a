package plan

import (
	"cmp"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// place is a session: the steps of one machine on one level.
type place struct {
	machine string
	level   int
}

// vertices puts the items together to pieces of work. All steps of a machine that nothing else interrupts go in one session: the level of an
// item is the greatest of those before it, plus one where the two cannot be in the same session.
func (a *arrangement) vertices(order []int) []Vertex {
	levels := make([]int, len(a.items))
	byPlace := map[place][]int{}
	var places []place
	for _, i := range order {
		for _, b := range a.graph.Before(i) {
			levels[i] = max(levels[i], levels[b]+a.gap(b, i))
		}
		p := place{a.items[i].machine, levels[i]}
		if p.machine == "" {
			p = place{level: -1 - i} // alone
		}
		if byPlace[p] == nil {
			places = append(places, p)
		}
		byPlace[p] = append(byPlace[p], i)
	}
	slices.SortStableFunc(places, func(x, y place) int {
		return cmp.Compare(levels[byPlace[x][0]], levels[byPlace[y][0]])
	})
	return a.build(places, byPlace)
}

// gap is 0 where then can be in the same session as first, which comes before it.
func (a *arrangement) gap(first, then int) int {
	f, t := a.items[first], a.items[then]
	if f.machine == "" || f.machine != t.machine || a.waitsFor(a.changes[f.change], a.changes[t.change]) {
		return 1
	}
	return 0
}

// waitsFor says that the arguments of a step may follow from what the other one computes, so that they are not known before that is done.
func (a *arrangement) waitsFor(first, then *Change) bool {
	return then.Number >= 0 && first.Number >= 0 && hasUnknown(first.computed) && then.Late()
}

func hasUnknown(values map[string]cty.Value) bool {
	for _, v := range values {
		if !v.IsWhollyKnown() {
			return true
		}
	}
	return false
}

// build makes a vertex for each place. Their order is by level, so each comes after all those that it waits for.
func (a *arrangement) build(places []place, byPlace map[place][]int) []Vertex {
	spots := make([]Spot, len(a.items))
	last := map[string]int{} // the session before on the same machine
	vertices := make([]Vertex, len(places))
	for n, p := range places {
		v := &vertices[n]
		v.Machine = p.machine
		for m, i := range byPlace[p] {
			spots[i] = Spot{n, m}
			member := Member{Change: a.items[i].change, Action: a.items[i].action}
			for _, b := range a.graph.Before(i) {
				member.Needs = append(member.Needs, spots[b])
				if w := spots[b].Vertex; w != n {
					v.After = append(v.After, w)
				}
			}
			v.Members = append(v.Members, member)
		}
		if before, ok := last[p.machine]; ok && p.machine != "" {
			v.After = append(v.After, before)
		}
		last[p.machine] = n
		slices.Sort(v.After)
		v.After = slices.Compact(v.After)
	}
	if left := a.attach(vertices); len(left) > 0 {
		last := Vertex{Forgets: left}
		for n := range vertices { // some may need a machine that is forgotten
			last.After = append(last.After, n)
		}
		vertices = append(vertices, last)
	}
	return vertices
}

// attach notes the steps that go with an instance: into an image, and out of memory. It returns those whose machine is nowhere.
func (a *arrangement) attach(vertices []Vertex) (left []int) {
	forgets := map[string][]int{}
	for i, c := range a.changes {
		switch {
		case c.Action == resource.Forget:
			left = append(left, i)
		case c.Forget:
			forgets[c.Machine] = append(forgets[c.Machine], i)
		}
	}
	for n := range vertices {
		v := &vertices[n]
		if v.Machine != "" {
			continue
		}
		m := v.Members[0]
		at := a.changes[m.Change].Addr.String()
		if m.Action != resource.Delete {
			v.Baked = a.baked[at]
		}
		v.Forgets = forgets[at]
		delete(forgets, at)
	}
	for _, steps := range forgets {
		left = append(left, steps...)
	}
	slices.Sort(left)
	return left
}
