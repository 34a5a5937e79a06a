package node

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/providers/object"
)

var _ resource.Consequencer = (*Type)(nil)

// cacheBytes is what a node keeps of the blocks that it has read, at most (nodeimage/rootdisk).
const cacheBytes = 16 << 20

// later is for what a machine that runs does not take over.
const later = "takes effect when it reboots"

// Consequence implements resource.Consequencer: what another image, or another part in the shared root, means for a machine that runs.
func (*Type) Consequence(m resource.Modification) string {
	image, about := object.Get(m.Config, "boot", "image"), ""
	before := object.String(m.Prior, "image_id")
	if before == "" || object.String(image, "id") == before {
		if outline(object.Get(m.Config, "field")) != outline(object.Get(m.Prior, "field")) {
			return later
		}
		return ""
	}
	if object.Int(image, "size") == 0 { // it is not built yet: the former one is a hint
		image, about = m.Remembered(object.String(image, "addr")), "about "
	}
	text := later
	if boot := object.Int(image, "boot_size"); boot > 0 {
		ram := megabytes(object.Int(image, "initramfs_size") + cacheBytes)
		text += fmt.Sprintf("; each downloads %s%d MB to start and keeps %d MB or more in RAM", about, megabytes(boot), ram)
	}
	if root := object.Int(image, "size"); root > 0 {
		text += fmt.Sprintf("; the root is %s%d MB, read as needed", about, megabytes(root))
	}
	return text
}

// outline is a value as text, in which things that are referred to are their addresses, as they are remembered.
func outline(v cty.Value) string {
	v = object.Get(v)
	at := object.String(v, "addr")
	switch {
	case v == cty.NilVal:
		return "-"
	case at != "":
		return cty.StringVal(at).GoString() // as a string is
	case !v.CanIterateElements():
		return v.GoString()
	}
	var b strings.Builder
	for it := v.ElementIterator(); it.Next(); {
		key, e := it.Element()
		b.WriteString(key.GoString() + "=" + outline(e) + ";")
	}
	return "[" + b.String() + "]"
}

// megabytes rounds up.
func megabytes(bytes int) int { return (bytes + 1<<20 - 1) >> 20 }
