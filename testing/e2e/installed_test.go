package e2e_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/initramfs"
	"viver/pacs/netboot/ipxe"
	"viver/testing/lab"
)

// installed is a machine with an ordinary Debian on its disk: it starts by itself, systemd and an sshd run, and nothing of viver is in it.
type installed struct {
	hostKey  string // as in authorized_keys
	wrongKey string // of another host
	key      string // path of the private key that may log in, as root and as pupil
	other    string // path of one that may not
}

// start of the machine's initramfs: load what reaches the disk, and go on from there.
const installedInit = `#!/bin/busybox sh
export PATH=/bin
for dir in dev proc sys; do busybox mkdir -p /$dir; done
busybox mount -t devtmpfs dev /dev
while read -r module; do busybox insmod /modules/$module; done </modules/order
busybox mkdir /new
until busybox mount -t ext4 /dev/vda /new; do busybox sleep 0.1; done
busybox mount --move /dev /new/dev
exec busybox switch_root /new /sbin/init
`

// ipxePackage is what dpkg knows of the package whose files are put there by hand.
const ipxePackage = "\nPackage: ipxe\nStatus: install ok installed\nMaintainer: Debian\nArchitecture: all\nVersion: 1.0\nDescription: PXE boot firmware\n"

// install puts the tree of a built image (a folder) on a disk for the machine, with an address, iPXE, a host key and somebody who may log in.
func install(ctx context.Context, t *testing.T, machine *lab.Machine, image, address string) installed {
	t.Helper()
	dir := t.TempDir()
	tree, disk, initrd := filepath.Join(dir, "tree"), filepath.Join(dir, "disk"), filepath.Join(dir, "initrd")
	defer os.RemoveAll(tree)
	tool(ctx, t, "unsquashfs", "-quiet", "-no-progress", "-dest", tree, filepath.Join(image, "root.squashfs"))
	m := installed{key: filepath.Join(dir, "key"), other: filepath.Join(dir, "other")}
	public, _ := newKey(t, m.key)
	m.wrongKey, _ = newKey(t, m.other)
	hostPublic, hostPrivate := newKey(t, filepath.Join(dir, "host"))
	m.hostKey = strings.TrimSpace(hostPublic)
	files := map[string]string{
		"etc/hostname":                     "hall\n",
		"etc/machine-id":                   "0123456789abcdef0123456789abcdef\n", // without one systemd takes this for a first boot
		"etc/ssh/ssh_host_ed25519_key":     hostPrivate,
		"etc/ssh/ssh_host_ed25519_key.pub": hostPublic,
		"root/.ssh/authorized_keys":        public,
		"home/pupil/.ssh/authorized_keys":  public,
		"etc/systemd/network/room.network": "[Match]\nName=eth0\n[Network]\nAddress=" + address + "/16\n",
		"etc/passwd":                       read(t, tree, "etc/passwd") + "pupil:x:1000:1000::/home/pupil:/bin/sh\n",
		"etc/shadow":                       read(t, tree, "etc/shadow") + "pupil:*:20000:0:99999:7:::\n",
		"var/lib/dpkg/status":              read(t, tree, "var/lib/dpkg/status") + ipxePackage,
		"etc/ssh/sshd_config.d/it.conf":    "UsePAM no\n", // each login would start a systemd for its user, which takes seconds under emulation
	}
	for name, text := range files {
		write(t, filepath.Join(tree, name), text)
	}
	err := errors.Join(
		os.MkdirAll(filepath.Join(tree, ipxe.Dir), 0o755),
		os.Symlink("/lib/systemd/system/systemd-networkd.service", filepath.Join(tree, "etc/systemd/system/multi-user.target.wants/systemd-networkd.service")),
		os.Chmod(filepath.Join(tree, "etc/ssh/ssh_host_ed25519_key"), 0o600), // sshd insists
		os.WriteFile(disk, nil, 0o600),
		os.Truncate(disk, 1200<<20),
		os.WriteFile(initrd, installedInitrd(t, tree), 0o600),
	)
	for _, name := range []string{"home/pupil", "home/pupil/.ssh", "home/pupil/.ssh/authorized_keys"} {
		err = errors.Join(err, os.Chown(filepath.Join(tree, name), 1000, 1000))
	}
	if err != nil {
		t.Fatal(err)
	}
	tool(ctx, t, "cp", "--dereference", ipxe.Dir+"/ipxe.pxe", ipxe.Dir+"/undionly.kpxe", ipxe.Dir+"/snponly.efi", ipxe.Dir+"/ipxe.efi", filepath.Join(tree, ipxe.Dir))
	tool(ctx, t, "mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", tree, disk)
	machine.Disk, machine.Kernel, machine.Initrd = disk, filepath.Join(image, "vmlinuz"), initrd
	machine.Append = "console=ttyS0 net.ifnames=0 quiet"
	return m
}

// installedInitrd makes the initramfs, with modules from the tree.
func installedInitrd(t *testing.T, tree string) []byte {
	t.Helper()
	releases, err := filepath.Glob(filepath.Join(tree, "usr/lib/modules/*"))
	if err != nil || len(releases) != 1 {
		t.Fatalf("the tree has the kernels %v, %v", releases, err)
	}
	folder := os.DirFS(releases[0])
	all, err := initramfs.ReadModules(folder)
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{"virtio_pci.ko", "virtio_blk.ko", "ext4.ko"}
	order, err := all.Closure(slices.DeleteFunc(all.Files(), func(f string) bool { return !slices.Contains(wanted, filepath.Base(f)) })...)
	if err != nil {
		t.Fatal(err)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	entries := []initramfs.Entry{
		{Name: "dev/console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1},
		{Name: "bin/busybox", Mode: 0o755, Data: program},
		{Name: "init", Mode: 0o755, Data: []byte(installedInit)},
	}
	var names bytes.Buffer
	for _, f := range order {
		data, err := fs.ReadFile(folder, f)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&names, filepath.Base(f))
		entries = append(entries, initramfs.Entry{Name: "modules/" + filepath.Base(f), Mode: 0o644, Data: data})
	}
	entries = append(entries, initramfs.Entry{Name: "modules/order", Mode: 0o644, Data: names.Bytes()})
	var archive bytes.Buffer
	if err := initramfs.WriteZstd(&archive, entries); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// newKey makes an SSH key and writes its private half to a file.
func newKey(t *testing.T, path string) (public, private string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := cryptossh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := cryptossh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	private = string(pem.EncodeToMemory(block))
	if err := os.WriteFile(path, []byte(private), 0o600); err != nil {
		t.Fatal(err)
	}
	return string(cryptossh.MarshalAuthorizedKey(signer)), private
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// tool runs a program to its end.
func tool(ctx context.Context, t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
