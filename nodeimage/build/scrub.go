package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// leftovers are what belongs to one machine, or to the building of the tree, or is a secret that machines must not share. Patterns
// of path.Match.
var leftovers = []string{
	// Names and addresses of the machine that the tree was made on.
	"etc/hostname", "etc/mailname", "etc/adjtime", "etc/udev/rules.d/70-persistent-net.rules",
	"var/lib/dhcp/*.leases", "var/lib/NetworkManager/*.lease",
	// Keys and seeds.
	"etc/ssh/ssh_host_*", "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret", "var/lib/urandom/random-seed",
	// What the kernel's boot needs and the root does not: it comes over the network.
	"boot/vmlinu[xz]*", "boot/initrd*", "boot/initramfs*", "boot/System.map*",
	"vmlinuz", "vmlinuz.old", "initrd.img", "initrd.img.old",
	// Package lists, caches and backups.
	"var/lib/apt/lists/*", "var/cache/apt/*", "var/lib/dpkg/*-old", "var/cache/debconf/*-old", "var/cache/ldconfig/*",
	"etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/.pwd.lock",
	"etc/apt/apt.conf.d/99mmdebstrap", "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
	// Contents that other file systems hide once the machine runs, or that no boot keeps.
	"dev/*", "proc/*", "run/*", "sys/*", "tmp/*", "var/tmp/*",
	// Without this folder the journal stays in /run, which is bounded, and not in the layer above the root.
	"var/log/journal",
}

// needed are the folders that something is mounted on.
var needed = []string{"dev", "proc", "run", "sys", "tmp"}

// scrub takes the leftovers out of a tree.
func scrub(t *os.Root) error {
	for _, pattern := range leftovers {
		paths, err := fs.Glob(t.FS(), pattern)
		if err != nil {
			return fmt.Errorf("scrub %s: %w", pattern, err)
		}
		for _, p := range paths {
			if err := t.RemoveAll(p); err != nil {
				return fmt.Errorf("scrub: %w", err)
			}
		}
	}
	for _, dir := range needed {
		if err := t.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("scrub: %w", err)
		}
	}
	if err := t.Chmod("tmp", fs.ModeSticky|0o777); err != nil {
		return fmt.Errorf("scrub: %w", err)
	}
	return errors.Join(scrubLogs(t), scrubSettings(t))
}

// scrubLogs removes the files below var/log; the folders have owners, and stay.
func scrubLogs(t *os.Root) error {
	var files []string
	err := fs.WalkDir(t.FS(), "var/log", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, p)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range files {
		err = errors.Join(err, t.Remove(f))
	}
	return err
}

// scrubSettings empties files that must be there, but say nothing.
func scrubSettings(t *os.Root) error {
	if err := removeRegular(t, resolver); err != nil { // a link leads to where the machine's own resolver writes
		return err
	}
	if err := removeRegular(t, "var/lib/dbus/machine-id"); err != nil { // a link leads to etc/machine-id
		return err
	}
	for _, name := range []string{
		"etc/machine-id", // empty: each boot makes one in RAM (machine-id(5))
		"etc/fstab",      // names disks of another machine, or none at all
	} {
		if err := t.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := errors.Join(t.MkdirAll(path.Dir(name), 0o755), t.WriteFile(name, nil, 0o644), t.Chmod(name, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

func removeRegular(t *os.Root, name string) error {
	info, err := t.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	return errors.Join(err, t.Remove(name))
}
