package network

import (
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/providers/object"
)

var _ resource.Summarizer = Type{}

// Summary implements resource.Summarizer: "10.20.0.0/16 on eth1".
func (Type) Summary(config cty.Value) string {
	text := strings.Join(object.Strings(config, "cidr"), ", ")
	if name := object.String(config, "interface"); name != "" {
		text += " on " + name
	}
	return text
}
