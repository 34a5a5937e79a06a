package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/bitset"
)

// Instance is one instance of a block that a resource.Type stands behind: network, image, server, node or step. A pac block has
// no instance of its own: its value is the object of the module's outputs with "kind" ("pac"), "addr" and "key".
type Instance struct {
	Addr addr.Instance
	// Number counts instances from 0 in the order of visiting, in which all that an instance refers to comes before it. It is
	// the index in dependency sets.
	Number int
	Type   string // "node", "step.file"
	// Machine is the address of the instance that a step's `on` names, MachineKind its kind: "node", "server", "image". Both
	// are empty for what is no step.
	Machine     string
	MachineKind string
	// Requires is what the Pacs in which a step stands expect of its machine, the outermost last. It is shared: do not change it.
	Requires []Requirement
	Range    hcl.Range // of the block's header
}

// Object is an instance's evaluated arguments.
type Object struct {
	// Value has every attribute and block of the schema except computed attributes. Defaults are filled in and references are
	// whole objects. A step's has "on", its machine's object, and "timeout", a string or null, too. The only mark in it is Sensitive.
	// Parts that follow from something unknown are unknown.
	Value cty.Value
	// Depends are the numbers of all instances from which an argument came, those of depends_on included.
	Depends bitset.Set
	// Lifecycle is what the block says of how it changes.
	Lifecycle Lifecycle
}

// Output is the value of one output of the root module.
type Output struct {
	Value       cty.Value // the only mark in it is Sensitive
	Description string
	Sensitive   bool // declared so: Value is marked as a whole
	Range       hcl.Range
}

// Check is the outcome of one assert in a check block.
type Check struct {
	Name    string // label of the check block, with the Pac before it: "pac.boot.check.reachable"
	Status  CheckStatus
	Message string    // error_message, if it failed
	Range   hcl.Range // of the condition
}

// CheckStatus is what an assert came to.
type CheckStatus int

// The outcomes of an assert.
const (
	CheckUnknown CheckStatus = iota // follows from something that is not known yet
	CheckPassed
	CheckFailed
)
