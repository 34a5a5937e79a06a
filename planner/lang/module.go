package lang

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/resource"
	"viver/planner/source"
)

const (
	stepKind   = "step"
	stepPrefix = stepKind + "."
	pacKind    = "pac"
)

// module is what the files of one folder declare.
type module struct {
	dir       source.Dir
	variables map[string]*variable
	locals    map[string]*local
	outputs   map[string]*output
	blocks    []*block // in the order of their files and lines
	calls     []*call
	checks    []*check
	moved     []*moved
	removed   []*removed
	imports   []*importBlock
	byName    map[string]*block // by "node.pc", "step.file.motd"
	callNames map[string]*call
	settings  *hcl.Range // of the viver block
	requires  *requires  // nil: nothing
}

func newModule(dir source.Dir) *module {
	return &module{
		dir:       dir,
		variables: map[string]*variable{},
		locals:    map[string]*local{},
		outputs:   map[string]*output{},
		byName:    map[string]*block{},
		callNames: map[string]*call{},
	}
}

// local is one name in a locals block.
type local struct {
	value expression
	rng   hcl.Range
}

// output is one output block.
type output struct {
	name        string
	value       expression
	description string
	sensitive   bool
	dependsOn   []reference
	rng         hcl.Range
}

// block is one network, image, server, node or step block.
type block struct {
	kind      string // "node", "step.file"
	name      string
	schema    *resource.Schema
	repeat    repetition
	on        *expression // of a step
	timeout   *expression // of a step
	dependsOn []reference
	life      lifecycle
	attrs     map[string]*expression // those that are set
	nested    map[string]nestedBlocks
	body      hcl.Body
	refs      []reference // of attrs, nested and timeout, in the order of their places
	rng       hcl.Range
}

// nestedBlocks are all blocks of one type in a block's body.
type nestedBlocks struct {
	perInstance bool
	names       []hcl.Traversal // what they refer to
	rng         hcl.Range       // of the first
}

// call is one pac block.
type call struct {
	name        string
	source      string
	version     string // constraint for a source that is fetched; empty: none
	sourceRange hcl.Range
	callee      *module
	repeat      repetition
	inputs      map[string]*expression
	dependsOn   []reference
	rng         hcl.Range
}

// repetition is count or for_each; both are nil for a block with one instance and no key.
type repetition struct {
	count, forEach *expression
}

func (r repetition) none() bool { return r.count == nil && r.forEach == nil }

// check is one check block.
type check struct {
	name    string
	asserts []condition
	rng     hcl.Range
}

// condition is what must hold, and what to say when it does not.
type condition struct {
	holds   expression
	message expression
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
