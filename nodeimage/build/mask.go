package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// masked are systemd units that make no sense on a root that is shared, read-only below, and forgets what is written above it. Under
// emulation they take two thirds of the time to multi-user.target.
var masked = []struct {
	units []string
	why   string
}{
	{
		[]string{"e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "systemd-growfs-root.service"},
		"care for file systems on local disks",
	},
	{
		[]string{"apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service", "dnf-makecache.timer"},
		"upgrades fill the RAM and are gone after the next boot: a new image is the upgrade",
	},
	{
		[]string{"dpkg-db-backup.timer", "man-db.timer", "fwupd-refresh.timer"},
		"would back up or index the same image on each machine",
	},
	{
		[]string{"systemd-pstore.service", "modprobe@efi_pstore.service"},
		"move crash dumps to a disk that is not there",
	},
	{
		[]string{"modprobe@dm_mod.service", "modprobe@loop.service", "modprobe@fuse.service"},
		"the kernel loads these by itself when their device is opened",
	},
	{
		[]string{"systemd-remount-fs.service"},
		"the root's mount options are not in fstab",
	},
	{
		[]string{"systemd-random-seed.service", "systemd-machine-id-commit.service"},
		"keep a seed and a machine ID for the next boot, which would not see them",
	},
	{
		[]string{"ldconfig.service", "systemd-hwdb-update.service", "systemd-journal-catalog-update.service", "systemd-update-done.service"},
		"bring caches up to date after /usr was changed offline: the image was sealed with them",
	},
	{
		[]string{"grub-common.service", "systemd-boot-update.service"},
		"look after a boot loader on the disk",
	},
}

// unitFolders are where a distribution's units are.
var unitFolders = []string{"usr/lib/systemd/system/", "lib/systemd/system/"}

// mask masks the units that the tree has, unless its owner has put something of his own in their place.
func mask(t *os.Root) error {
	for _, m := range masked {
		for _, unit := range m.units {
			if !hasUnit(t, unit) {
				continue
			}
			err := t.MkdirAll("etc/systemd/system", 0o755)
			if err == nil {
				err = t.Symlink("/dev/null", "etc/systemd/system/"+unit)
			}
			if err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("mask %s: %w", unit, err)
			}
		}
	}
	return nil
}

// hasUnit reports whether the tree has the unit, or the template (name@.service) that it comes from.
func hasUnit(t *os.Root, unit string) bool {
	if name, rest, ok := strings.Cut(unit, "@"); ok {
		unit = name + "@" + rest[strings.LastIndexByte(rest, '.'):]
	}
	for _, folder := range unitFolders {
		if _, err := t.Lstat(folder + unit); err == nil {
			return true
		}
	}
	return false
}
