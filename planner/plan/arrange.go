package plan

import (
	"errors"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/bitset"
	"viver/planner/graph"
	"viver/planner/resource"
)

// item is one thing to do about one change: to bring it about, or to take it away. Sessions are made of several of them.
type item struct {
	change  int
	action  resource.Action
	machine string // of a step that is done in a session (resource.Batcher); else empty
}

const none = -1

// backOf is what laterBacks was asked for.
type backOf struct {
	change  int
	updated bool
}

// arrangement finds the order of the items.
type arrangement struct {
	*draft
	items  []item
	graph  graph.Graph
	make   []int            // for each change the item that brings it about, or none
	unmake []int            // for each change the item that takes it away, or none
	index  map[*Change]int  // of changes
	baked  map[string][]int // declared steps in an image, by its address
	users  map[string][]int // changes whose remembered dependencies have an address
	fronts []*bitset.Set    // memory of front
	backs  map[backOf]*bitset.Set
	pinned map[string]bool // memory of isPinned
}

// arrange returns the pieces of work in order, or says which instances wait for each other.
func (d *draft) arrange(rollouts map[string]Rollout) ([]Vertex, hcl.Diagnostics) {
	n := len(d.changes)
	a := &arrangement{
		draft: d, make: make([]int, n), unmake: make([]int, n), index: map[*Change]int{}, baked: map[string][]int{},
		users: map[string][]int{}, fronts: make([]*bitset.Set, n), backs: map[backOf]*bitset.Set{}, pinned: map[string]bool{},
	}
	a.number()
	a.addItems()
	a.addEdges()
	order, err := a.graph.Order()
	var cycle *graph.CycleError
	if errors.As(err, &cycle) {
		return nil, a.cycle(cycle.Path)
	}
	return a.limit(a.vertices(order), rollouts), nil
}

func (a *arrangement) number() {
	for i, c := range a.changes {
		a.index[c] = i
		if c.Baked && c.Number >= 0 {
			a.baked[c.Machine] = append(a.baked[c.Machine], i)
		}
		if c.Prior != nil {
			for _, at := range c.Prior.Depends {
				a.users[at] = append(a.users[at], i)
			}
		}
	}
}

// addItems makes the items: first all that take away, so that these come first where there is a choice: a file that goes from
// one step to another is removed before it is written, not after.
func (a *arrangement) addItems() {
	for i, c := range a.changes {
		a.make[i], a.unmake[i] = none, none
		switch {
		case c.Action == resource.Delete && !c.Forget:
			a.unmake[i] = a.add(item{i, resource.Delete, a.session(c, c.Machine)})
		case c.Action == resource.Replace && a.apart(c) && (c.Prior.Machine == "" || !a.forgotten(c.Prior)):
			a.unmake[i] = a.add(item{i, resource.Delete, a.session(c, c.Prior.Machine)})
		}
	}
	for i, c := range a.changes {
		if c.Action == resource.NoOp || c.Action == resource.Delete || c.Action == resource.Forget || c.Baked {
			continue
		}
		action := c.Action
		if action == resource.Replace && a.apart(c) {
			action = resource.Create
		}
		a.make[i] = a.add(item{i, action, a.session(c, c.Machine)})
	}
}

// session returns the machine of a step if the step is done in a session there.
func (a *arrangement) session(c *Change, machine string) string {
	if _, batches := a.Types[c.Type].(resource.Batcher); batches {
		return machine
	}
	return ""
}

// apart says that a replacement is taking away and creating, two items; else a session does both at once.
func (a *arrangement) apart(c *Change) bool {
	return a.session(c, c.Machine) == "" || c.Machine != c.Prior.Machine
}

func (a *arrangement) add(i item) int {
	a.items = append(a.items, i)
	return a.graph.Add()
}

func (a *arrangement) cycle(path []int) hcl.Diagnostics {
	var names []string
	for _, i := range path {
		names = append(names, a.changes[a.items[i].change].Addr.String())
	}
	c := a.changes[a.items[path[0]].change]
	diag := &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "Instances wait for each other",
		Detail: "There is no order for " + strings.Join(names, ", then ") + ", then " + names[0] + " again. " +
			"A step that goes into an image must not need what is made from the image.",
	}
	if c.Number >= 0 {
		diag.Subject = c.Range.Ptr()
	}
	return hcl.Diagnostics{diag}
}
