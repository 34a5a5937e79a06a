package installed

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"viver/nodeimage/initramfs"
)

// start of the machine's initramfs: load what reaches the disk, and go on from there.
const start = `#!/bin/busybox sh
export PATH=/bin
for dir in dev proc sys; do busybox mkdir -p /$dir; done
busybox mount -t devtmpfs dev /dev
while read -r module; do busybox insmod /modules/$module; done </modules/order
busybox mkdir /new
until busybox mount -t ext4 /dev/vda /new; do busybox sleep 0.1; done
busybox mount --move /dev /new/dev
exec busybox switch_root /new /sbin/init
`

// initramfsOf makes the initramfs, with modules from the tree.
func initramfsOf(tree string) ([]byte, error) {
	releases, err := filepath.Glob(filepath.Join(tree, "usr/lib/modules/*"))
	if err != nil || len(releases) != 1 {
		return nil, fmt.Errorf("install a machine: the tree has the kernels %v, and one is wanted: %w", releases, err)
	}
	modules, err := modulesOf(os.DirFS(releases[0]))
	if err != nil {
		return nil, err
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return nil, err
	}
	entries := append([]initramfs.Entry{
		{Name: "dev/console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1},
		{Name: "bin/busybox", Mode: 0o755, Data: program},
		{Name: "init", Mode: 0o755, Data: []byte(start)},
	}, modules...)
	var archive bytes.Buffer
	err = initramfs.WriteZstd(&archive, entries)
	return archive.Bytes(), err
}

// modulesOf are the modules that reach the disk and what they need, with a file that says in which order they are loaded.
func modulesOf(folder fs.FS) ([]initramfs.Entry, error) {
	all, err := initramfs.ReadModules(folder)
	if err != nil {
		return nil, err
	}
	wanted := []string{"virtio_pci.ko", "virtio_blk.ko", "ext4.ko"}
	order, err := all.Closure(slices.DeleteFunc(all.Files(), func(f string) bool { return !slices.Contains(wanted, filepath.Base(f)) })...)
	if err != nil {
		return nil, err
	}
	var entries []initramfs.Entry
	var names bytes.Buffer
	for _, f := range order {
		data, err := fs.ReadFile(folder, f)
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(&names, filepath.Base(f))
		entries = append(entries, initramfs.Entry{Name: "modules/" + filepath.Base(f), Mode: 0o644, Data: data})
	}
	return append(entries, initramfs.Entry{Name: "modules/order", Mode: 0o644, Data: names.Bytes()}), nil
}
