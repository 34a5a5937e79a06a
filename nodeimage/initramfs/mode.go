package initramfs

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// types are the kinds of file that an archive can hold. A socket is none: the kernel could make it, but nobody could use it.
var types = [...]struct {
	mode fs.FileMode
	unix uint32
}{
	{0, unix.S_IFREG},
	{fs.ModeDir, unix.S_IFDIR},
	{fs.ModeSymlink, unix.S_IFLNK},
	{fs.ModeDevice | fs.ModeCharDevice, unix.S_IFCHR},
	{fs.ModeDevice, unix.S_IFBLK},
	{fs.ModeNamedPipe, unix.S_IFIFO},
}

var flags = [...]struct {
	mode fs.FileMode
	unix uint32
}{
	{fs.ModeSetuid, unix.S_ISUID},
	{fs.ModeSetgid, unix.S_ISGID},
	{fs.ModeSticky, unix.S_ISVTX},
}

// unixMode returns the st_mode of m (inode(7)).
func unixMode(m fs.FileMode) (uint32, error) {
	out := uint32(m.Perm())
	for _, f := range flags {
		if m&f.mode != 0 {
			out |= f.unix
		}
	}
	for _, t := range types {
		if m.Type() == t.mode {
			return out | t.unix, nil
		}
	}
	return 0, fmt.Errorf("an archive cannot hold a file of mode %v", m)
}

// fileMode is the inverse of unixMode.
func fileMode(m uint32) (fs.FileMode, error) {
	out := fs.FileMode(m & 0o777)
	for _, f := range flags {
		if m&f.unix != 0 {
			out |= f.mode
		}
	}
	for _, t := range types {
		if m&^uint32(0o7777) == t.unix {
			return out | t.mode, nil
		}
	}
	return 0, fmt.Errorf("unknown file mode %#o", m)
}
