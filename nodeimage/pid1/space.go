package pid1

import (
	"fmt"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// space bounds the tmpfs that takes what is written to the root. It must be full before the machine's memory is: a program is then told
// that there is no room, and everything else goes on.
type space struct {
	bytes int64
	// files is how many files and folders it may have. Each takes memory beside its content: an inode of tmpfs, one of the overlay and a name,
	// about 2 KB in all.
	files int64
}

const (
	// leastSpace is what a distribution needs to start and to write its logs for a while, in bytes.
	leastSpace = 64 << 20
	// fileBytes is one file for so many bytes of space: a page, less than which no file with content takes.
	fileBytes = 4096
)

// spaceOf divides a machine's memory, in bytes. What is left beside its share of the image is halved: one half for what is written, the other
// for programs. percent of all the memory is what the kernel's command line asks for, 0 if it does not. Seven eighths of what is left
// are the most, whatever is asked.
func spaceOf(memory int64, f *spec.FieldSpec, percent int) space {
	share, err := field.ShareOf(f, memory)
	if err != nil { // it has no share then
		share = 0
	}
	left := memory - share
	bytes := max(left/2, leastSpace)
	if percent > 0 {
		bytes = memory / 100 * int64(percent)
	}
	bytes = min(bytes, left/8*7)
	return space{bytes: bytes, files: bytes / fileBytes}
}

// options are those of the mount: tmpfs(5). Where the memory is not known, the kernel takes half of it.
func (s space) options() string {
	if s.bytes <= 0 {
		return "mode=0755"
	}
	return fmt.Sprintf("mode=0755,size=%d,nr_inodes=%d", s.bytes, s.files)
}
