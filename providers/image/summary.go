package image

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/providers/object"
)

var _ resource.Summarizer = (*Type)(nil)

// Summary implements resource.Summarizer: "debian:bookworm, 3 packages".
func (*Type) Summary(config cty.Value) string {
	text := object.String(config, "from")
	switch n := len(object.Strings(config, "packages")); n {
	case 0:
		return text
	case 1:
		return text + ", 1 package"
	default:
		return fmt.Sprintf("%s, %d packages", text, n)
	}
}
