package server

import (
	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/providers/object"
)

var _ resource.Summarizer = (*Type)(nil)

// Summary implements resource.Summarizer: "10.20.0.1, this machine", "10.20.0.1 by SSH".
func (*Type) Summary(config cty.Value) string {
	address := object.String(config, "address")
	if object.Get(config, "ssh") == cty.NilVal {
		return address + ", this machine"
	}
	return address + " by SSH"
}
