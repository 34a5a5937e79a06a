package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"viver/planner/addr"
	"viver/planner/resource"
)

// TestCanariesGoFirst: in random orders of work, what was before stays before, everything stands after what it waits for, and nothing of
// another machine is begun before the canary is done, unless the canary needs it.
func TestCanariesGoFirst(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 5))
		a := &arrangement{draft: &draft{byAddr: map[string]*Change{}}, index: map[*Change]int{}}
		for i := range 6 {
			c := &Change{Addr: addr.Instance{Type: "node", Name: "pc", Key: addr.Number(i)}, Type: "node", Action: resource.Update}
			a.changes, a.byAddr[c.Addr.String()], a.index[c] = append(a.changes, c), c, i
		}
		var vertices []Vertex
		for n := range 18 {
			c := r.IntN(6)
			v := Vertex{Machine: a.changes[c].Addr.String(), Members: []Member{{Change: c, Action: resource.Action(fmt.Sprint("piece ", n))}}}
			for b := range n {
				if r.IntN(8) == 0 {
					v.After = append(v.After, b)
					v.Members[0].Needs = append(v.Members[0].Needs, Spot{Vertex: b})
				}
			}
			vertices = append(vertices, v)
		}
		before := graphOf(vertices)
		out := a.limit(vertices, map[string]Rollout{"node.pc": {Canary: 1}})
		checkOrder(t, seed, out)
		first := slices.IndexFunc(a.changes, func(c *Change) bool {
			return slices.ContainsFunc(out, func(v Vertex) bool { return v.Machine == c.Addr.String() })
		})
		after := graphOf(out)
		for n, v := range out {
			if v.Members[0].Change != first {
				continue
			}
			var was int
			fmt.Sscanf(string(v.Members[0].Action), "piece %d", &was)
			needed := before.Ancestors(was)
			for m, o := range out {
				var other int
				fmt.Sscanf(string(o.Members[0].Action), "piece %d", &other)
				if o.Members[0].Change != first && !needed[other] && !after.Ancestors(m)[n] && !after.Ancestors(n)[m] {
					t.Errorf("seed %d: %s of another machine does not wait for %s of the canary", seed, o.Members[0].Action, v.Members[0].Action)
				}
			}
		}
	}
}

func checkOrder(t *testing.T, seed uint64, vertices []Vertex) {
	t.Helper()
	for n, v := range vertices {
		for _, b := range v.After {
			if b >= n {
				t.Errorf("seed %d: %d stands before %d, for which it waits", seed, n, b)
			}
		}
		for _, need := range v.Members[0].Needs {
			if !slices.Contains(v.After, need.Vertex) {
				t.Errorf("seed %d: %d needs %d and does not wait for it", seed, n, need.Vertex)
			}
		}
		if v.Group != "node.pc" {
			t.Errorf("seed %d: %d is not limited", seed, n)
		}
	}
}
