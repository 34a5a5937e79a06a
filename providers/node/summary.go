package node

import (
	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/providers/object"
)

var (
	_ resource.Summarizer = (*Type)(nil)
	_ resource.Outfitter  = (*Type)(nil)
)

// Summary implements resource.Summarizer: the machine that it is for, if the configuration says so.
func (*Type) Summary(config cty.Value) string {
	return object.String(config, "mac")
}

// Outfit implements resource.Outfitter: a node has what its image has.
func (*Type) Outfit(config cty.Value) resource.Outfit {
	return resource.Outfit{Like: object.String(config, "boot", "image", "addr")}
}
