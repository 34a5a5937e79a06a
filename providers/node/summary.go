package node

import (
	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/providers/object"
)

var _ resource.Summarizer = (*Type)(nil)

// Summary implements resource.Summarizer: the machine that it is for, if the configuration says so.
func (*Type) Summary(config cty.Value) string {
	return object.String(config, "mac")
}
