// Package depmod reads and writes what depmod(8) finds out about the modules of one kernel: the text indexes in /lib/modules/RELEASE.
//
// It owns their form and the names of modules. Which modules go into an initramfs is decided in package initramfs, which of them a
// machine loads in package pid1/module.
package depmod

import "strings"

// Index is what stands in modules.dep, modules.alias, modules.softdep and modules.builtin.
type Index struct {
	// Deps has each module's file and the files that it needs: what is needed first stands last.
	Deps    map[string][]string
	Aliases []Alias   // in the order of modules.alias
	Soft    []Softdep // in the order of modules.softdep
	Builtin []byte    // modules.builtin, as it is
}

// Alias says that a device, whose modalias matches the pattern, or another module, which asks for it, wants a module.
type Alias struct{ Pattern, Module string }

// Softdep are modules that had better be loaded before and after another one. They are written as they were found: names or aliases.
type Softdep struct {
	Module    string
	Pre, Post []string
}

// packings are what follows ".ko" in the names of files.
var packings = [...]string{"", ".gz", ".xz", ".zst"}

// Name returns the name that the kernel uses for a module's file, or for another spelling of its name: "virtio_net" for
// "kernel/drivers/net/virtio-net.ko.xz" and for "virtio-net".
func Name(file string) string {
	base := file[strings.LastIndexByte(file, '/')+1:]
	for _, p := range packings {
		if name, ok := strings.CutSuffix(base, ".ko"+p); ok {
			base = name
			break
		}
	}
	return strings.ReplaceAll(base, "-", "_")
}

// isFile reports whether a file is named like a module.
func isFile(file string) bool {
	base := file[strings.LastIndexByte(file, '/')+1:]
	for _, p := range packings {
		if name, ok := strings.CutSuffix(base, ".ko"+p); ok && name != "" {
			return true
		}
	}
	return false
}
