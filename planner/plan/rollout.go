package plan

import (
	"slices"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/graph"
	"viver/planner/resource"
)

// rolloutBlock is the block of a machine's type by which a configuration limits how the machines of one block are changed.
const rolloutBlock = "rollout"

// Rollout limits how the machines of one block are changed. What is made for the first time is not limited: nobody uses it yet.
type Rollout struct {
	// Canary is how many machines are changed, with all their steps, before the others are begun; 0: none.
	Canary int
	// MaxUnavailable is how many are worked on at the same time; 0: any number.
	MaxUnavailable int
	// MaxFailed is how many may fail: with one more, no other one is begun; -1: any number.
	MaxFailed int
}

// rollouts reads the rollout blocks, by the addresses of their blocks. That of a block's first instance counts for all of them.
func (d *draft) rollouts() map[string]Rollout {
	sizes := map[string]int{}
	first := map[string]cty.Value{}
	for _, c := range d.changes {
		if c.Number < 0 || d.schema(c.Type).Blocks[rolloutBlock] == nil {
			continue
		}
		group := c.Addr.Group()
		if sizes[group]++; sizes[group] == 1 {
			v, _ := c.Config.GetAttr(rolloutBlock).UnmarkDeep()
			first[group] = v
		}
	}
	all := map[string]Rollout{}
	for group, v := range first {
		if !v.IsNull() && v.IsWhollyKnown() {
			all[group] = rollout(v, sizes[group])
		}
	}
	return all
}

// rollout is that of a block with so many machines. What is no share was refused when it was evaluated.
func rollout(v cty.Value, size int) Rollout {
	share := func(name string, unset int) int {
		a := v.GetAttr(name)
		if a.IsNull() {
			return unset
		}
		n, err := resource.ParseShare(a.AsString(), size)
		if err != nil {
			return unset
		}
		return n
	}
	r := Rollout{Canary: share("canary", 0), MaxUnavailable: share("max_unavailable", 0), MaxFailed: share("max_failed", -1)}
	if !v.GetAttr("max_unavailable").IsNull() {
		r.MaxUnavailable = max(r.MaxUnavailable, 1)
	}
	return r
}

// limit notes which vertices are limited, and lets the canaries of each block go first.
func (a *arrangement) limit(vertices []Vertex, rollouts map[string]Rollout) []Vertex {
	if len(rollouts) == 0 {
		return vertices
	}
	machines := map[string][]int{} // vertices of limited machines, by address
	var order []*Change            // these machines
	for n := range vertices {
		m := a.machineOf(&vertices[n])
		if m == nil || m.Action == resource.Create {
			continue
		}
		if _, limited := rollouts[m.Addr.Group()]; !limited {
			continue
		}
		vertices[n].Group = m.Addr.Group()
		at := m.Addr.String()
		if machines[at] == nil {
			order = append(order, m)
		}
		machines[at] = append(machines[at], n)
	}
	slices.SortFunc(order, func(x, y *Change) int { return a.index[x] - a.index[y] })
	g := graphOf(vertices)
	first := map[string][]int{} // vertices of canaries by group
	begun := map[string]int{}
	for _, m := range order {
		group := m.Addr.Group()
		if begun[group]++; begun[group] <= rollouts[group].Canary {
			first[group] = append(first[group], machines[m.Addr.String()]...)
		}
	}
	for _, m := range order {
		for _, c := range first[m.Addr.Group()] {
			lead(g, vertices, c, machines[m.Addr.String()], first[m.Addr.Group()])
		}
	}
	return reorder(g, vertices)
}

// machineOf is the machine that a vertex works on, or nil.
func (a *arrangement) machineOf(v *Vertex) *Change {
	switch {
	case v.Machine != "":
		return a.byAddr[v.Machine]
	case len(v.Members) > 0:
		return a.changes[v.Members[0].Change]
	}
	return nil
}

func graphOf(vertices []Vertex) *graph.Graph {
	g := &graph.Graph{}
	for n, v := range vertices {
		g.Add()
		for _, before := range v.After {
			g.Edge(before, n)
		}
	}
	return g
}

// lead lets a canary's vertex come before those of another machine, where it does not itself need them.
func lead(g *graph.Graph, vertices []Vertex, canary int, others, canaries []int) {
	if slices.Contains(canaries, others[0]) {
		return
	}
	needed := g.Ancestors(canary)
	for _, o := range others {
		if needed[o] {
			continue
		}
		g.Edge(canary, o)
		for i := range vertices[o].Members {
			for m := range vertices[canary].Members {
				vertices[o].Members[i].Needs = append(vertices[o].Members[i].Needs, Spot{canary, m})
			}
		}
	}
}

// reorder puts vertices in an order that fits the graph, which has no cycles.
func reorder(g *graph.Graph, vertices []Vertex) []Vertex {
	order, err := g.Order()
	if err != nil {
		return vertices
	}
	now := make([]int, len(order))
	for n, old := range order {
		now[old] = n
	}
	out := make([]Vertex, len(order))
	for n, old := range order {
		v := vertices[old]
		v.After = nil
		for _, b := range g.Before(old) {
			v.After = append(v.After, now[b])
		}
		slices.Sort(v.After)
		for i := range v.Members {
			for k, need := range v.Members[i].Needs {
				v.Members[i].Needs[k].Vertex = now[need.Vertex]
			}
		}
		out[n] = v
	}
	return out
}
