package facts

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"viver/nodeimage/spec"
)

// disks lists block devices that stand for hardware: loop, RAM, NBD and device mapper devices have no "device" in /sys.
// CD and floppy drives are no disks; a card reader without a card has no size.
func disks(root fs.FS) []spec.Disk {
	var list []spec.Disk
	for _, name := range names(root, "sys/block") {
		dir := path.Join("sys/block", name)
		sectors := count(text(root, path.Join(dir, "size")))
		if !hardware(root, dir) || sectors == 0 || strings.HasPrefix(name, "sr") || strings.HasPrefix(name, "fd") {
			continue
		}
		list = append(list, spec.Disk{
			Name:      name,
			SizeBytes: sectors * 512, // always 512, whatever the disk's own sectors are
			Model:     text(root, path.Join(dir, "device/model")),
			Removable: text(root, path.Join(dir, "removable")) == "1",
		})
	}
	return list
}

// interfaces lists network interfaces that stand for hardware: not lo, bridges, tunnels.
func interfaces(root fs.FS) []spec.Interface {
	var list []spec.Interface
	for _, name := range names(root, "sys/class/net") {
		dir := path.Join("sys/class/net", name)
		if !hardware(root, dir) {
			continue
		}
		list = append(list, spec.Interface{
			Name:   name,
			MAC:    text(root, path.Join(dir, "address")),
			Driver: driver(root, path.Join(dir, "device")),
			Up:     text(root, path.Join(dir, "carrier")) == "1", // operstate lags behind by a second
		})
	}
	return list
}

// graphics lists PCI devices of the class display controller (0x03), as "vendor:device driver".
func graphics(root fs.FS) []string {
	var list []string
	for _, name := range names(root, "sys/bus/pci/devices") {
		dir := path.Join("sys/bus/pci/devices", name)
		if !strings.HasPrefix(text(root, path.Join(dir, "class")), "0x03") {
			continue
		}
		id := fmt.Sprintf("%s:%s %s", pciID(root, dir, "vendor"), pciID(root, dir, "device"), driver(root, dir))
		list = append(list, strings.TrimSpace(id))
	}
	return list
}

func pciID(root fs.FS, dir, name string) string {
	return strings.TrimPrefix(text(root, path.Join(dir, name)), "0x")
}

// hardware reports whether the class device at this path in /sys belongs to a device on a bus.
func hardware(root fs.FS, dir string) bool {
	_, err := fs.Stat(root, path.Join(dir, "device"))
	return err == nil
}

// names returns the sorted names in a folder, or none.
func names(root fs.FS, dir string) []string {
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return nil
	}
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.Name()
	}
	return list
}
