package node

import (
	"fmt"

	"viver/planner/resource"
	"viver/providers/object"
)

var _ resource.Consequencer = (*Type)(nil)

// cacheBytes is what a node keeps of the blocks that it has read, at most (nodeimage/rootdisk).
const cacheBytes = 16 << 20

// Consequence implements resource.Consequencer: what another image means for a machine that runs.
func (*Type) Consequence(m resource.Modification) string {
	image, about := object.Get(m.Config, "boot", "image"), ""
	before := object.String(m.Prior, "image_id")
	if before == "" || object.String(image, "id") == before {
		return ""
	}
	if object.Int(image, "size") == 0 { // it is not built yet: the former one is a hint
		image, about = m.Remembered(object.String(image, "addr")), "about "
	}
	text := "takes effect when it reboots"
	if boot := object.Int(image, "boot_size"); boot > 0 {
		ram := megabytes(object.Int(image, "initramfs_size") + cacheBytes)
		text += fmt.Sprintf("; each downloads %s%d MB to start and keeps %d MB or more in RAM", about, megabytes(boot), ram)
	}
	if root := object.Int(image, "size"); root > 0 {
		text += fmt.Sprintf("; the root is %s%d MB, read as needed", about, megabytes(root))
	}
	return text
}

// megabytes rounds up.
func megabytes(bytes int) int { return (bytes + 1<<20 - 1) >> 20 }
