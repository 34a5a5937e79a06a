package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"viver/nodeimage/initramfs"
)

// scripts are the programs of a plain initramfs.
//
//go:embed peer
var scripts embed.FS

// applets are what the scripts take from busybox.
var applets = []string{"chroot", "insmod", "ip", "mkdir", "mount", "sh", "sleep", "switch_root", "udhcpc", "umount"}

// plain is an initramfs such as people write themselves: busybox, a few modules and a shell script.
type plain struct {
	attach   string   // the script of scripts that makes the root's block device appear
	modules  []string // beside those for the root's file systems
	programs []string // dynamically linked ones, beside busybox; paths
}

// make returns the archive, compressed.
func (p plain) make(ctx context.Context, img image) ([]byte, error) {
	entries := []initramfs.Entry{{Name: "dev/console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1}}
	for _, dir := range []string{"proc", "sys", "newroot"} {
		entries = append(entries, initramfs.Entry{Name: dir, Mode: fs.ModeDir | 0o755})
	}
	for to, from := range map[string]string{"init": "init", "attach": p.attach, "bound": "bound", "observe": "observe"} {
		data, err := scripts.ReadFile(path.Join("peer", from))
		if err != nil {
			return nil, err
		}
		entries = append(entries, initramfs.Entry{Name: to, Mode: 0o755, Data: data})
	}
	modules, err := img.modules(ctx, append([]string{"squashfs", "overlay"}, p.modules...)...)
	if err != nil {
		return nil, err
	}
	var order bytes.Buffer
	for _, m := range modules {
		fmt.Fprintln(&order, path.Base(m.Name))
	}
	entries = append(append(entries, modules...), initramfs.Entry{Name: "modules/order", Mode: 0o644, Data: order.Bytes()})
	files, err := p.binaries(ctx)
	if err != nil {
		return nil, err
	}
	entries = append(entries, files...)
	slices.SortFunc(entries, func(a, b initramfs.Entry) int { return strings.Compare(a.Name, b.Name) }) // the same archive each time
	var archive bytes.Buffer
	err = initramfs.WriteZstd(&archive, entries)
	return archive.Bytes(), err
}

// binaries returns busybox, the other programs and their libraries.
func (p plain) binaries(ctx context.Context) (entries []initramfs.Entry, err error) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("%w: install it: apt-get install busybox-static", err)
	}
	paths := map[string]string{"bin/busybox": busybox} // in the archive -> on this machine
	for _, program := range p.programs {
		libraries, err := libraries(ctx, program)
		if err != nil {
			return nil, err
		}
		paths[path.Join("bin", filepath.Base(program))] = program
		for _, l := range libraries {
			paths[strings.TrimPrefix(l, "/")] = l
		}
	}
	for to, from := range paths {
		data, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		entries = append(entries, initramfs.Entry{Name: to, Mode: 0o755, Data: data})
	}
	for _, a := range applets {
		entries = append(entries, initramfs.Entry{Name: path.Join("bin", a), Mode: fs.ModeSymlink | 0o777, Data: []byte("busybox")})
	}
	return entries, nil
}

// library finds the absolute paths in what ldd(1) prints: "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)".
var library = regexp.MustCompile(`(/\S+) \(0x`)

func libraries(ctx context.Context, program string) (paths []string, err error) {
	out, err := exec.CommandContext(ctx, "ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("libraries of %s: %w", program, err)
	}
	for _, m := range library.FindAllSubmatch(out, -1) {
		paths = append(paths, string(m[1]))
	}
	return paths, nil
}
