// Package bootfiles tells which files of a root are read while a machine boots, as far as that can be seen without booting it: init and
// what its units start, the libraries of these programs, and the folders with their settings. An image in which they
// stand side by side costs a diskless machine a third less reading than one in the order of the alphabet.
//
// It owns no more than the guess: a file too many or too few makes a boot a little slower, nothing else.
package bootfiles

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// programs are run on nearly every machine: init, with what it starts before it reads units, shells and consoles. Patterns of path.Match.
var programs = []string{
	"sbin/init", "sbin/openrc*", "sbin/rc*", "sbin/runlevel", "usr/lib/systemd/systemd", "usr/lib/systemd/systemd-executor",
	"usr/lib/systemd/system-generators/*", "bin/sh", "bin/bash", "bin/mount", "bin/udevadm", "sbin/agetty", "sbin/getty", "sbin/modprobe",
	"usr/lib/udev/hwdb.bin", "usr/lib/modules/*/modules.*.bin", "usr/lib/modules/*/modules.devname", "usr/lib/modules/*/modules.softdep",
}

// drivers are modules that nearly every machine loads, for what its processor can do and for init itself. Patterns below
// the folder of a kernel's modules.
var drivers = []string{
	"arch/*/crypto/*", "arch/*/kvm/*", "crypto/*", "virt/lib/*", "drivers/acpi/button*", "drivers/cpufreq/*", "drivers/char/hw_random/*",
	"drivers/firmware/*", "drivers/input/evdev*", "drivers/input/serio/*", "fs/autofs/*", "fs/configfs/*", "net/netfilter/x_tables*",
	"net/ipv4/netfilter/ip_tables*",
}

// tools are the programs that the steps of a node are made of.
var tools = []string{
	"base64", "cat", "chmod", "chown", "cmp", "cp", "cut", "env", "grep", "head", "ln", "ls", "mkdir", "mktemp", "mv", "readlink", "rm", "sed", "stat",
	"sync", "tail", "tr", "uname",
}

// loaded are libraries that programs load by name while they run. Patterns in the linker's folders.
var loaded = []string{"libnss_files*", "libnss_systemd*"}

// settings are folders that init and its programs read, most of them whole.
var settings = []string{
	"etc", "usr/lib/systemd/system", "usr/lib/systemd/network", "usr/lib/udev/rules.d", "usr/lib/tmpfiles.d", "usr/lib/sysusers.d",
	"usr/lib/sysctl.d", "usr/lib/modprobe.d", "usr/lib/modules-load.d", "usr/lib/environment.d", "usr/lib/binfmt.d", "usr/lib/locale/C.utf8",
	"usr/share/dbus-1", "lib/rc",
}

// seldom is what lies among the settings, is large, and is not read at boot.
var seldom = []string{"etc/ssh/moduli", "etc/services", "etc/ssl"}

// List returns the paths below tree of the files that a boot reads, sorted and each once. Links are followed, and lead nowhere out of
// the tree; what cannot be read or understood is left out.
func List(tree string) ([]string, error) {
	if _, err := os.Stat(tree); err != nil {
		return nil, err
	}
	c := &collection{tree: tree, found: map[string]bool{}}
	c.libraries = c.libraryFolders()
	for _, pattern := range programs {
		c.addMatches(pattern)
	}
	for _, program := range c.unitPrograms() {
		c.addCommand(program)
	}
	for _, dir := range c.libraries {
		for _, pattern := range loaded {
			c.addMatches(path.Join(dir, pattern))
		}
	}
	for _, pattern := range drivers {
		c.addMatches(path.Join("usr/lib/modules/*/kernel", pattern))
	}
	for _, name := range tools {
		c.addCommand(name)
	}
	for _, dir := range settings {
		if err := c.addFolder(dir); err != nil {
			return nil, err
		}
	}
	return c.sorted(), nil
}

// collection are the files found so far in a tree.
type collection struct {
	tree      string
	libraries []string // folders that the dynamic linker looks into, in this order
	found     map[string]bool
}

// real returns the path below the tree of the regular file that name leads to, "" if there is none.
func (c *collection) real(name string) string {
	at, err := securejoin.SecureJoin(c.tree, name)
	if err != nil {
		return ""
	}
	if info, err := os.Lstat(at); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	below, err := filepath.Rel(c.tree, at)
	if err != nil {
		return ""
	}
	return below
}

func (c *collection) addMatches(pattern string) {
	matches, _ := filepath.Glob(filepath.Join(c.tree, pattern)) // the patterns are our own
	for _, m := range matches {
		if name, err := filepath.Rel(c.tree, m); err == nil {
			c.addProgram(name)
		}
	}
}

// addFolder adds the files below a folder.
func (c *collection) addFolder(name string) error {
	dir, err := securejoin.SecureJoin(c.tree, name)
	if err != nil {
		return err
	}
	err = filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(c.tree, at)
		switch {
		case err != nil:
			return err
		case slices.Contains(seldom, below) && d.IsDir():
			return fs.SkipDir
		case d.Type().IsRegular() && !slices.Contains(seldom, below):
			c.found[below] = true
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (c *collection) sorted() []string {
	list := make([]string, 0, len(c.found))
	for name := range c.found {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
