package facts

import (
	"bufio"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"viver/nodeimage/spec"
)

// Collect returns what root, a file system that has /proc and /sys in it (os.DirFS("/")), tells of the machine. Lists are
// sorted by the kernel's names. It is safe for concurrent use.
func Collect(root fs.FS) spec.Facts {
	model, cores := processors(root)
	return spec.Facts{
		Architecture: architecture(root),
		Kernel:       text(root, "proc/sys/kernel/osrelease"),
		CPU:          model,
		Cores:        cores,
		MemoryBytes:  memory(root),
		Vendor:       text(root, "sys/class/dmi/id/sys_vendor"),
		Product:      text(root, "sys/class/dmi/id/product_name"),
		Serial:       text(root, "sys/class/dmi/id/product_serial"),
		UUID:         strings.ToLower(text(root, "sys/class/dmi/id/product_uuid")),
		Disks:        disks(root),
		Interfaces:   interfaces(root),
		Graphics:     graphics(root),
	}
}

// BootID returns the kernel's random name of this boot, or "".
func BootID(root fs.FS) string { return text(root, "proc/sys/kernel/random/boot_id") }

// Firmware returns "uefi" or "bios". Machines that know neither (device tree) count as bios.
func Firmware(root fs.FS) string {
	if _, err := fs.Stat(root, "sys/firmware/efi"); err == nil {
		return "uefi"
	}
	return "bios"
}

// architecture reads what uname -m prints. Kernels before 6.1 have no file for it; there this process's kernel is asked.
func architecture(root fs.FS) string {
	if arch := text(root, "proc/sys/kernel/arch"); arch != "" {
		return arch
	}
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Machine[:])
}

// processors returns the model name of the first processor and the number of processors that the kernel runs on.
func processors(root fs.FS) (model string, cores int) {
	for key, value := range fields(root, "proc/cpuinfo") {
		switch {
		case key == "processor":
			cores++
		case key == "model name" && model == "":
			model = value
		}
	}
	return model, cores
}

// memory returns the bytes of RAM that the kernel can use.
func memory(root fs.FS) int64 { return meminfo(root, "MemTotal") }

// AvailableMemory returns the bytes that programs can have without swapping, by the kernel's estimate; 0: it says nothing.
func AvailableMemory(root fs.FS) int64 { return meminfo(root, "MemAvailable") }

// meminfo returns one of the kernel's figures in bytes (proc_meminfo(5)); 0: there is none.
func meminfo(root fs.FS, figure string) int64 {
	for key, value := range fields(root, "proc/meminfo") {
		if key == figure {
			return count(strings.TrimSuffix(value, " kB")) << 10
		}
	}
	return 0
}

// fields yields the lines "key : value" of a file in /proc.
func fields(root fs.FS, name string) func(yield func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		f, err := root.Open(name)
		if err != nil {
			return
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			key, value, _ := strings.Cut(lines.Text(), ":")
			if !yield(strings.TrimSpace(key), strings.TrimSpace(value)) {
				return
			}
		}
	}
}

// count reads a decimal number of blocks. What is none, or too much to be turned into bytes, counts as 0.
func count(s string) int64 {
	n, err := strconv.ParseUint(s, 10, 52)
	if err != nil {
		return 0
	}
	return int64(n)
}

// text returns the trimmed content of a file of one line, or "" if it cannot be read.
func text(root fs.FS, name string) string {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(data), "?"))
}

// driver returns the name of the driver that is bound to the device at this path in /sys, or "".
func driver(root fs.FS, device string) string {
	target, err := fs.ReadLink(root, path.Join(device, "driver"))
	if err != nil {
		return ""
	}
	return path.Base(target)
}
