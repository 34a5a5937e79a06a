// Package installed makes machines of a lab into ones with an ordinary Debian on their disk: they start by themselves, systemd and an sshd run, and
// nothing of viver is in them. They are servers for rooms whose operator is elsewhere.
package installed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"viver/pacs/netboot/ipxe"
	"viver/testing/lab"
)

// System is what was installed on a machine's disk.
type System struct {
	HostKey  string // as in authorized_keys
	WrongKey string // of another host
	Key      string // path of the private key that may log in, as root and as pupil
	Other    string // path of one that may not
}

// ipxePackage is what dpkg knows of the package whose files are put there by hand.
const ipxePackage = "\nPackage: ipxe\nStatus: install ok installed\nMaintainer: Debian\nArchitecture: all\nVersion: 1.0\nDescription: PXE boot firmware\n"

// diskBytes is the size of the disk: the system and some images.
const diskBytes = 1200 << 20

// Install puts the tree of a built image (a folder of an image store) on a disk for the machine, with an IPv4 address in a /16, iPXE, a host key
// and somebody who may log in. Disk and keys are in dir. The machine starts from that disk when it is switched on.
func Install(ctx context.Context, dir string, machine *lab.Machine, image, address string) (*System, error) {
	tree, disk, initrd := filepath.Join(dir, "tree"), filepath.Join(dir, "disk"), filepath.Join(dir, "initrd")
	defer os.RemoveAll(tree)
	if err := run(ctx, "unsquashfs", "-quiet", "-no-progress", "-dest", tree, filepath.Join(image, "root.squashfs")); err != nil {
		return nil, err
	}
	s, err := newSystem(dir, tree, address)
	if err != nil {
		return nil, err
	}
	archive, err := initramfsOf(tree)
	if err == nil {
		err = os.WriteFile(initrd, archive, 0o600)
	}
	if err != nil {
		return nil, err
	}
	if err := makeDisk(ctx, tree, disk); err != nil {
		return nil, err
	}
	machine.Disk, machine.Kernel, machine.Initrd = disk, filepath.Join(image, "vmlinuz"), initrd
	machine.Append = lab.Arguments + " net.ifnames=0 quiet"
	return s, nil
}

// newSystem makes the keys, and writes the files in which this system differs from the tree.
func newSystem(dir, tree, address string) (*System, error) {
	s := &System{Key: filepath.Join(dir, "key"), Other: filepath.Join(dir, "other")}
	public, _, err := newKey(s.Key)
	if err != nil {
		return nil, err
	}
	if s.WrongKey, _, err = newKey(s.Other); err != nil {
		return nil, err
	}
	hostPublic, hostPrivate, err := newKey(filepath.Join(dir, "host"))
	if err != nil {
		return nil, err
	}
	s.HostKey = strings.TrimSpace(hostPublic)
	for name, text := range map[string]string{
		"etc/hostname":                     "hall\n",
		"etc/machine-id":                   "0123456789abcdef0123456789abcdef\n", // without one systemd takes this for a first boot
		"etc/ssh/ssh_host_ed25519_key":     hostPrivate,
		"etc/ssh/ssh_host_ed25519_key.pub": hostPublic,
		"root/.ssh/authorized_keys":        public,
		"home/pupil/.ssh/authorized_keys":  public,
		"etc/systemd/network/room.network": "[Match]\nName=eth0\n[Network]\nAddress=" + address + "/16\n",
		"etc/ssh/sshd_config.d/it.conf":    "UsePAM no\n", // each login would start a systemd for its user, which takes seconds under emulation
	} {
		path := filepath.Join(tree, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	}
	return s, errors.Join(err, settle(tree))
}

// settle makes the tree's accounts, what it knows of its packages, and what starts by itself.
func settle(tree string) error {
	err := errors.Join(
		add(filepath.Join(tree, "etc/passwd"), "pupil:x:1000:1000::/home/pupil:/bin/sh\n"),
		add(filepath.Join(tree, "etc/shadow"), "pupil:*:20000:0:99999:7:::\n"),
		add(filepath.Join(tree, "var/lib/dpkg/status"), ipxePackage),
		os.MkdirAll(filepath.Join(tree, ipxe.Dir), 0o755),
		os.Symlink("/lib/systemd/system/systemd-networkd.service", filepath.Join(tree, "etc/systemd/system/multi-user.target.wants/systemd-networkd.service")),
		os.Chmod(filepath.Join(tree, "etc/ssh/ssh_host_ed25519_key"), 0o600), // sshd insists
	)
	for _, name := range []string{"home/pupil", "home/pupil/.ssh", "home/pupil/.ssh/authorized_keys"} {
		err = errors.Join(err, os.Chown(filepath.Join(tree, name), 1000, 1000))
	}
	return err
}

func add(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// makeDisk puts the tree on the disk, with this machine's iPXE.
func makeDisk(ctx context.Context, tree, disk string) error {
	return errors.Join(
		run(ctx, "cp", "--dereference", ipxe.Dir+"/ipxe.pxe", ipxe.Dir+"/undionly.kpxe", ipxe.Dir+"/snponly.efi", ipxe.Dir+"/ipxe.efi", filepath.Join(tree, ipxe.Dir)),
		os.WriteFile(disk, nil, 0o600),
		os.Truncate(disk, diskBytes),
		run(ctx, "mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", tree, disk),
	)
}

func run(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("install a machine: %s: %w\n%s", name, err, out)
	}
	return nil
}
