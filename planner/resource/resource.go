// Package resource is the planner's vocabulary for the things that a configuration declares: networks, images, servers,
// nodes, steps. It owns the interfaces by which the planner talks to the world, and nothing that implements them.
package resource

import (
	"context"

	"github.com/zclconf/go-cty/cty"
)

// Type is one kind of thing: its arguments and how instances of it are brought about. One Type serves all instances, from
// many goroutines at once.
type Type interface {
	// Name is the block type, "image", or for steps "step." and the step's type, "step.file".
	Name() string
	Schema() *Schema
	// Apply creates or updates one instance and returns its computed attributes. It returns them together with an error
	// when something was brought about all the same: the planner then keeps the instance as incomplete, and the next
	// apply calls Apply again. Apply of what is there already does nothing and succeeds.
	Apply(ctx context.Context, r ApplyRequest) (computed map[string]cty.Value, err error)
	// Destroy takes one instance away. Destroy of what is gone succeeds.
	Destroy(ctx context.Context, r DestroyRequest) error
}

// Reader is a Type whose instances can be asked how they are. The planner asks all of a type in one call before it plans;
// the context carries the deadline. There is one Observation for each request, in the same order.
type Reader interface {
	Type
	Read(ctx context.Context, instances []ReadRequest) []Observation
}

// Batcher is a Type whose instances on one machine travel together (steps). The planner never calls Apply or Destroy of a Batcher
// for instances on a machine.
type Batcher interface {
	Type
	// ApplyBatch works through members in order and calls done once for each, as soon as its end is known; err is not nil for
	// members that failed, and for those that were not tried because one before them failed (ErrSkipped, ErrUnreached).
	ApplyBatch(ctx context.Context, b Batch, done func(member int, computed map[string]cty.Value, err error))
}

// Importer is a Type whose instances can be taken over where they exist already without being remembered.
type Importer interface {
	Type
	// Import finds the thing that the world knows by an ID, which the type's documentation describes, and returns its computed attributes. It
	// changes nothing: the planner applies the instance afterwards. What does not exist is an error.
	Import(ctx context.Context, r ImportRequest) (computed map[string]cty.Value, err error)
}

// ImportRequest asks for what exists already. Config may have unknown parts.
type ImportRequest struct {
	Addr, ID string
	Config   cty.Value
}

// ApplyRequest asks for one instance to be as Config says.
type ApplyRequest struct {
	Addr string // "node.pc[0]"
	// Group is the address of the block, without the instance's own key: "node.pc".
	Group string
	// Config has every attribute and block of the schema; references are whole objects (see Schema). Nothing is unknown or marked.
	Config cty.Value
	// Prior is the instance as it is remembered (inputs and computed attributes), or a null value.
	Prior cty.Value
	// Steps are the steps that are baked into this instance, in order; only for a Type whose schema has Bakes.
	Steps []BakedStep
	// Report tells the operator how it goes. It may be called from any goroutine until Apply returns.
	Report func(Progress)
}

// DestroyRequest asks for one instance to be taken away.
type DestroyRequest struct {
	Addr string
	// Prior is the instance as it is remembered: references are addresses (strings), sensitive arguments are digests. A step's "on" is the
	// object of its machine as that is remembered. So it is wherever a Prior is given.
	Prior  cty.Value
	Report func(Progress)
	// Force says that it goes at any price, also if others lose by it: no other instance of the Type is to stay, or the operator says so.
	Force bool
}

// BakedStep is a step whose `on` is an image.
type BakedStep struct {
	Addr   string
	Type   string // "file"
	Config cty.Value
	// Requires is what the Pacs expect of the image that the step belongs to.
	Requires []Requirement
}

// Batch is what is to be done on one machine in one session.
type Batch struct {
	// Machine is the object of the machine, with its attribute "kind": node or server.
	Machine cty.Value
	Members []Member
	// Kept are the steps of this machine that are in place and are no members, in the order in which a boot must take them,
	// with each step's Position among all steps of the machine.
	Kept []Member
	// Report is for the member with that number.
	Report func(member int, p Progress)
}

// Member is one step in a Batch.
type Member struct {
	Addr     string
	Type     string // "file"
	Action   Action // Create, Update, Replace or Delete; NoOp in Batch.Kept
	Position int    // order among all steps of the machine
	Config   cty.Value
	Prior    cty.Value
	// Requires is what the Pacs expect of the machine that the step belongs to. A member does not begin where that is not so.
	Requires []Requirement
}

// Progress is one piece of news about an instance at work.
type Progress struct {
	// Stage is one word by which many instances are counted: "kernel", "root". Empty: not counted.
	Stage string
	// Detail is a short clause for people: "unpacking packages".
	Detail string
	// Output marks Detail as a line that a command printed.
	Output bool
}

// ReadRequest asks how an instance is.
type ReadRequest struct {
	Addr  string
	Prior cty.Value
	// Config is as in ApplyRequest, with unknown values where they are; null for an instance that is no longer declared.
	Config cty.Value
}

// Observation is how an instance was found.
type Observation struct {
	Status ObservedStatus
	// Reason says more in a few words: "boot_id changed", "mode 0644 -> 0600", "unreachable for 3 d".
	Reason string
	// Computed are attributes that now have another value; the rest stays as remembered.
	Computed map[string]cty.Value
}

// ObservedStatus is the class of an Observation.
type ObservedStatus int

// How an instance can be found.
const (
	Present     ObservedStatus = iota // as remembered
	Drifted                           // there, but not as remembered: to be updated
	Absent                            // gone: to be created again
	Unreachable                       // cannot be asked: planned from state
)

// Action is what a plan does to an instance.
type Action string

// The actions of a plan.
const (
	NoOp    Action = "no-op"
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace"
	Delete  Action = "delete"
	Forget  Action = "forget" // it stays as it is, and is no longer remembered
)
