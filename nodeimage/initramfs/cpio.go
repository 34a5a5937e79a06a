package initramfs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"

	"golang.org/x/sys/unix"
)

// The format, "newc" (Linux: Documentation/driver-api/early-userspace/buffer-format.rst). Each entry is
//
//	"070701"                      magic
//	13 x 8 hexadecimal digits     ino mode uid gid nlink mtime filesize maj min rmaj rmin namesize chksum
//	name, NUL                     namesize counts the NUL
//	padding to 4
//	data                          filesize bytes; a symbolic link's target
//	padding to 4
//
// and the entry named "TRAILER!!!" ends the archive.
const (
	magic      = "070701"
	headerSize = len(magic) + 13*8
	trailer    = "TRAILER!!!"
	maxName    = unix.PathMax - 1 // a longer one is skipped in silence by the kernel (init/initramfs.c)
	maxTarget  = unix.PathMax - 1
	maxMajor   = 1<<12 - 1
	maxMinor   = 1<<20 - 1
)

// Entry is one file of an archive. It belongs to root and bears no time, so equal entries make equal archives.
type Entry struct {
	// Name is the path below the root, clean and without a slash in front: "lib/modules".
	Name string
	// Mode is the type (file, directory, symbolic link, device, FIFO) and the permissions.
	Mode fs.FileMode
	// Data is the contents of a file, or the target of a symbolic link. Its length must be below 4 GiB.
	Data []byte
	// Major and Minor are the number of a device.
	Major, Minor uint32
}

// Write writes an uncompressed archive; its size is a multiple of 4. Folders that are missing before an entry are put in with mode 0755,
// since the kernel makes none by itself. Entries keep their order. What the kernel would refuse or skip is an error.
func Write(w io.Writer, entries []Entry) error {
	b := bufio.NewWriterSize(w, 1<<16)
	all := withParents(entries)
	seen := make(map[string]bool, len(all))
	for i, e := range all {
		err := e.check()
		if err == nil && seen[e.Name] {
			err = errors.New("it is there twice")
		}
		if err != nil {
			return fmt.Errorf("initramfs: write %q: %w", e.Name, err)
		}
		seen[e.Name] = true
		if err := e.write(b, i+1); err != nil {
			return fmt.Errorf("initramfs: write %q: %w", e.Name, err)
		}
	}
	writeRaw(b, trailer, nil, [13]uint32{4: 1})
	if err := b.Flush(); err != nil {
		return fmt.Errorf("initramfs: write: %w", err)
	}
	return nil
}

// withParents returns the entries, each after the folders that it stands in.
func withParents(entries []Entry) []Entry {
	all := make([]Entry, 0, len(entries)+16)
	seen := map[string]bool{".": true}
	var add func(dir string)
	add = func(dir string) {
		if seen[dir] || dir == "/" {
			return
		}
		seen[dir] = true
		add(path.Dir(dir))
		all = append(all, Entry{Name: dir, Mode: fs.ModeDir | 0o755})
	}
	for _, e := range entries {
		add(path.Dir(e.Name))
		seen[e.Name] = true
		all = append(all, e)
	}
	return all
}

func (e Entry) check() error {
	switch kind := e.Mode.Type(); {
	case !fs.ValidPath(e.Name) || e.Name == "." || e.Name == trailer:
		return errors.New("that is no name for a file in an archive: want a clean path without a slash in front")
	case len(e.Name) > maxName:
		return fmt.Errorf("the name has %d bytes; the kernel takes %d", len(e.Name), maxName)
	case kind == fs.ModeSymlink && (len(e.Data) == 0 || len(e.Data) > maxTarget):
		return fmt.Errorf("the link's target has %d bytes; the kernel takes 1 to %d", len(e.Data), maxTarget)
	case len(e.Data) > math.MaxUint32:
		return fmt.Errorf("it has %d bytes; the format ends at 4 GiB", len(e.Data))
	case len(e.Data) > 0 && kind != 0 && kind != fs.ModeSymlink:
		return fmt.Errorf("%v with contents", e.Mode)
	case e.Major > maxMajor || e.Minor > maxMinor:
		return fmt.Errorf("device number %d:%d is too large", e.Major, e.Minor)
	case (e.Major != 0 || e.Minor != 0) && kind&fs.ModeDevice == 0:
		return fmt.Errorf("%v with a device number", e.Mode)
	}
	_, err := unixMode(e.Mode)
	return err
}

// write writes the entry, which has been checked. Inode numbers go by order, so that archives do not depend on the disk they come from.
func (e Entry) write(b *bufio.Writer, ino int) error {
	mode, err := unixMode(e.Mode)
	if err != nil {
		return err
	}
	links := uint32(1) // two or more would make the kernel look for the other names of a file
	if e.Mode.IsDir() {
		links = 2
	}
	return writeRaw(b, e.Name, e.Data, [13]uint32{0: uint32(ino), 1: mode, 4: links, 9: e.Major, 10: e.Minor})
}

func writeRaw(b *bufio.Writer, name string, data []byte, fields [13]uint32) error {
	fields[6], fields[11] = uint32(len(data)), uint32(len(name)+1)
	b.WriteString(magic)
	for _, f := range fields {
		fmt.Fprintf(b, "%08x", f)
	}
	b.WriteString(name)
	b.Write(make([]byte, 1+padding(headerSize+len(name)+1)))
	b.Write(data)
	_, err := b.Write(make([]byte, padding(len(data)))) // bufio keeps the first error
	return err
}

// padding returns the number of bytes that are missing to a multiple of 4.
func padding(n int) int { return -n & 3 }
