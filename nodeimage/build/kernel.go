package build

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"viver/nodeimage/natural"
)

// kernel is a kernel image in a tree.
type kernel struct {
	path    string // in the tree
	release string // uname -r
}

// kernelPlaces are where distributions put kernels: Debian, Alpine, openSUSE, Arch; Fedora.
var kernelPlaces = []string{"boot/vmlinuz-*", "boot/vmlinux-*", "lib/modules/*/vmlinuz", "usr/lib/modules/*/vmlinuz"}

// findKernel returns the newest kernel of a tree that has modules.
func findKernel(t *os.Root) (kernel, error) {
	var found []kernel
	var without []string
	for _, place := range kernelPlaces {
		paths, err := fs.Glob(t.FS(), place)
		if err != nil {
			return kernel{}, err
		}
		for _, p := range paths {
			if k := (kernel{p, releaseOf(t, p)}); k.release != "" {
				found = append(found, k)
			} else if !slices.Contains(without, p) {
				without = append(without, p)
			}
		}
	}
	switch {
	case len(found) > 0:
		return slices.MaxFunc(found, func(a, b kernel) int { return natural.Compare(a.release, b.release) }), nil
	case len(without) > 0:
		return kernel{}, fmt.Errorf("the tree has no lib/modules/RELEASE/modules.dep for its kernel %s: install its modules, or run depmod in the tree",
			strings.Join(without, ", "))
	}
	return kernel{}, fmt.Errorf("the tree has no kernel (looked for %s): install one in it, with its modules", strings.Join(kernelPlaces, ", "))
}

// releaseOf returns the release of a kernel image, and nothing if the tree has no modules for it. The release is in the file's name, or
// the name of its folder, or else in the file (Alpine: vmlinuz-lts).
func releaseOf(t *os.Root, file string) string {
	_, release, ok := strings.Cut(path.Base(file), "-")
	if !ok {
		release = path.Base(path.Dir(file))
	}
	for _, r := range []string{release, releaseIn(t, file)} {
		if r == "" || r == "." || strings.Contains(r, "/") {
			continue
		}
		if _, err := t.Stat(path.Join("lib/modules", r, "modules.dep")); err == nil {
			return r
		}
	}
	return ""
}

// releaseIn reads the release from an x86 kernel's header (Linux: Documentation/arch/x86/boot.rst): "HdrS" at 0x202, and at 0x20e
// the place of the version string, less 0x200.
func releaseIn(t *os.Root, file string) string {
	f, err := t.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	var head [0x210]byte
	if _, err := io.ReadFull(f, head[:]); err != nil || string(head[0x202:0x206]) != "HdrS" {
		return ""
	}
	version := make([]byte, 256)
	n, _ := f.ReadAt(version, 0x200+int64(binary.LittleEndian.Uint16(head[0x20e:])))
	release, _, _ := strings.Cut(string(version[:n]), " ")
	return release
}
