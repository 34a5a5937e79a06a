// Package plan compares what is declared with what is remembered and seen, and says what has to be done and in which order. A Plan is
// a value: whoever carries it out decides nothing that stands in it. The package changes nothing, and asks the world only through
// resource.Reader.
package plan

import (
	"cmp"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/lang"
	"viver/planner/resource"
	"viver/planner/state"
)

// Plan is what has to be done. It is not changed once it is made.
type Plan struct {
	// Lineage and Serial are those of the state that it was made from: with another one it is stale.
	Lineage string
	Serial  uint64
	// Destroy says that it was made to take everything away.
	Destroy bool
	// RefreshOnly says that it only brings the state up to date.
	RefreshOnly bool
	// Partial says that it is for a part of what is declared, or leaves some out: there may be more to do.
	Partial bool
	// Seen is how the instances were found; nil: they were not asked.
	Seen map[string]resource.Observation
	// Moves are to be made in the state before anything else.
	Moves []Move
	// Changes has one entry for each instance: first the declared ones, each at its number, then those that are only
	// remembered, by address. Instances with nothing to do are there too, as NoOp.
	Changes []*Change
	// Rollouts limit how machines are changed, by the addresses of their blocks.
	Rollouts map[string]Rollout
	// Vertices are the pieces of work, each after those that it waits for.
	Vertices []Vertex
}

// Change is what is to be done about one instance.
type Change struct {
	Addr addr.Instance
	// Name is the machine's, of a node or a step on it among others of the block; empty: the key in Addr says all. See Label.
	Name string
	// Number is the instance's number in the evaluator, and its index in Plan.Changes; -1: it is no longer declared.
	Number int
	Type   string
	Range  hcl.Range // of the block's header, where declared
	Action resource.Action
	// Reasons say why, for everything but Create of what is new and Delete of what is no longer declared.
	Reasons []Reason
	// Machine and MachineKind say where a step acts; Position is its place among all steps of its machine. A Baked step is
	// put into its machine, an image, when that is applied.
	Machine     string
	MachineKind string
	Position    int
	Baked       bool
	// Forget says that Delete is only a matter of memory: the step goes with its machine.
	Forget bool
	// LeftOut says that the plan is for other targets: whatever there might be to do here, it is not part of it.
	LeftOut bool
	// Unreachable says that the instance could not be asked; Note says more of how it was found.
	Unreachable bool
	Note        string
	// Protect says that the instance must not be destroyed or replaced.
	Protect bool
	// MovedFrom is the address that the instance had before; empty: this one.
	MovedFrom string
	// ImportID is what the world calls an instance that was not remembered and is taken over; empty: it is none.
	ImportID string
	// Consequence says what an update means for what runs; empty: nothing special.
	Consequence string
	// Config is the evaluated object, with unknown values and sensitive marks; cty.NilVal: no longer declared.
	Config cty.Value
	// Prior is what is remembered; nil: nothing.
	Prior *state.Instance
	// Refreshed are the names of computed attributes that were found to have another value than the remembered one, sorted.
	Refreshed []string
	// Remember is what the state is to say of an instance before anything is done about it; nil: it is right as it is.
	Remember *state.Instance

	depends   []int                // numbers of what the arguments came from
	computed  map[string]cty.Value // as planned
	changed   map[string]bool      // arguments
	ignored   map[string]bool      // arguments in which differences do not count
	ignoreAll bool
	triggers  []Reason  // what calls for a replacement
	inputs    cty.Value // as the state would keep them, with unknown parts; cty.NilVal: no longer declared
	requires  []lang.Requirement
}

// Reason is one cause of a change.
type Reason struct {
	// What names it: an argument, "content"; an instance, "image.desk"; or says how it was found, "boot_id changed".
	What string
	// From and To show the values of an argument, if they are short and no secret; both empty: they are not.
	From, To string
}

// String is the reason as a clause: "interface eth0 -> eth1".
func (r Reason) String() string {
	if r.From == "" && r.To == "" {
		return r.What
	}
	return r.What + " " + r.From + " -> " + r.To
}

// Vertex is one piece of work.
type Vertex struct {
	// Machine is the address of the machine in whose session the members are done together; empty: Members is a single
	// instance which is no step, or empty if there is only something to forget.
	Machine string
	Members []Member
	// Group is the block of the machine, if Plan.Rollouts limits how it is changed; else empty.
	Group string
	// Baked are the steps to put into the instance, an image, in order: indexes in Plan.Changes, those without a change included.
	Baked []int
	// Forgets are indexes of instances that are to be forgotten once this is done.
	Forgets []int
	// After are indexes of the vertices that come before this one. They are smaller than its own.
	After []int
}

// Member is one part of a Vertex. Its Action is that of the Change, but that the two halves of some replacements, Delete
// and Create, are members of different vertices.
type Member struct {
	Change int // index in Plan.Changes
	Action resource.Action
	// Needs are the members that must have succeeded before this one is begun. Those of the same vertex stand before it.
	Needs []Spot
}

// Spot is the place of a member.
type Spot struct{ Vertex, Member int }

// Summary counts the changes.
type Summary struct {
	Create, Update, Destroy int // a replacement counts as Create and as Destroy
	Forget, Move, Import    int // an import counts as Update too
	Refresh                 int // of a RefreshOnly plan: instances of which the state will say something else
	Unreachable             int // machines, and other things, that could not be asked
}

// Summary counts the changes.
func (p *Plan) Summary() Summary {
	var s Summary
	silent := map[string]bool{}
	for _, c := range p.Changes {
		switch c.Action {
		case resource.Create:
			s.Create++
		case resource.Update:
			s.Update++
		case resource.Replace:
			s.Create++
			s.Destroy++
		case resource.Delete:
			s.Destroy++
		case resource.Forget:
			s.Forget++
		}
		if c.MovedFrom != "" {
			s.Move++
		}
		if c.ImportID != "" && c.Action != resource.NoOp {
			s.Import++
		}
		if p.RefreshOnly && len(c.Refreshed) > 0 {
			s.Refresh++
		}
		if c.Unreachable {
			silent[cmp.Or(c.Machine, c.Addr.String())] = true
		}
	}
	s.Unreachable = len(silent)
	return s
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool {
	for _, c := range p.Changes {
		if c.Action != resource.NoOp || c.MovedFrom != "" || p.RefreshOnly && len(c.Refreshed) > 0 {
			return false
		}
	}
	return true
}
