package pid1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mount is one line of a table of mounts.
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

// kernelMounts are what every program expects. The initramfs has them for itself, and the new root has its own: viver's
// processes go on below the initramfs' after the handover.
func kernelMounts() []mount {
	const plain = unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV
	return []mount{
		{"proc", "/proc", "proc", plain, ""},
		{"sysfs", "/sys", "sysfs", plain, ""},
		{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID, "mode=0755"},
		{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"},
		{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"},
	}
}

// Folders of the initramfs in which the root is put together.
const (
	newRoot  = "/newroot"
	lowerDir = "/run/viver/lower"
	spaceDir = "/run/viver/space" // the tmpfs that takes what is written
)

// UpperDir has what was written to the root since the machine booted, for processes whose root is the initramfs. It is there once the root
// is mounted, on a file system of its own.
const UpperDir = spaceDir + "/upper"

// rootMounts are the root of the distribution: the shared image below, what this machine writes above it, in RAM.
func rootMounts(device string, s space) []mount {
	return []mount{
		{device, lowerDir, "squashfs", unix.MS_RDONLY, ""},
		{"tmpfs", spaceDir, "tmpfs", 0, s.options()},
		// index and nfs_export let the kernel's NFS server export folders of this root.
		{"overlay", newRoot, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work,index=on,nfs_export=on", lowerDir, spaceDir, spaceDir)},
	}
}

// below mounts each line of a table below root, and makes the folders for it. What is mounted already is left.
func below(root string, table []mount) error {
	for _, m := range table {
		target := filepath.Join(root, m.target)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return fmt.Errorf("mount %s: %w", m.kind, err)
		}
		if err := unix.Mount(m.source, target, m.kind, m.flags, m.data); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s from %s on %s: %w", m.kind, m.source, target, err)
		}
	}
	return nil
}

// mountRoot mounts the root. The image is detached at once: the overlay holds it, and nobody else should find it. What is written stays to be
// seen in the initramfs, where the agent looks how much it is.
func mountRoot(device string, s space) error {
	table := rootMounts(device, s)
	if err := below("/", table[:2]); err != nil {
		return err
	}
	for _, dir := range []string{"upper", "work"} {
		if err := os.MkdirAll(filepath.Join(spaceDir, dir), 0o755); err != nil {
			return fmt.Errorf("mount overlay: %w", err)
		}
	}
	if err := below("/", table[2:]); err != nil {
		return err
	}
	if err := unix.Unmount(lowerDir, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detach %s: %w", lowerDir, err)
	}
	return nil
}
