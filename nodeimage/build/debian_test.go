package build_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/build"
	"viver/nodeimage/imagestore"
)

// zstdMagic starts a frame (RFC 8878 section 3.1.1).
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// sharedCache is where all tests keep their roots, so that Debian is installed once.
func sharedCache(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("VIVER_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("%v (or set VIVER_CACHE)", err)
	}
	return filepath.Join(dir, "viver")
}

func TestDebian(t *testing.T) {
	if testing.Short() {
		t.Skip("installs Debian over the network")
	}
	b := workbench(t)
	need(t, "mmdebstrap")
	b.Cache = sharedCache(t)
	src := build.Source{From: "debian:bookworm", Kernel: "linux-image-cloud-amd64", Packages: []string{"openssh-server"}, Compression: 3}
	id, m := b.build(src)
	if m.Distribution != "debian 12" || !strings.Contains(m.KernelRelease, "-cloud-") {
		t.Errorf("manifest: release %q, distribution %q", m.KernelRelease, m.Distribution)
	}
	listing := b.list(id)
	for _, want := range []string{
		"/usr/sbin/sshd\n", "/usr/lib/systemd/systemd\n", "/etc/machine-id\n", "/etc/systemd/system/e2scrub_reap.service -> /dev/null\n",
		"/usr/lib/modules/" + m.KernelRelease + "/kernel/fs/overlayfs/overlay.ko\n",
	} {
		if !strings.Contains(listing, want) {
			t.Errorf("the root has no %q", want)
		}
	}
	for _, bad := range []string{"/etc/hostname\n", "/etc/resolv.conf\n", "/ssh_host_", "/boot/vmlinuz", "/boot/initrd", "/policy-rc.d\n", "/usr/sbin/update-initramfs\n", "/var/lib/apt/lists/"} {
		if strings.Contains(listing, bad) {
			t.Errorf("the root has %q", bad)
		}
	}
	initrd := b.read(id, imagestore.FileInitrd)
	modules := unpack(t, initrd[bytes.LastIndex(initrd, zstdMagic):])
	for _, want := range []string{"drivers/block/nbd.ko", "fs/squashfs/squashfs.ko", "fs/overlayfs/overlay.ko", "drivers/net/virtio_net.ko"} {
		if _, ok := modules["lib/modules/"+m.KernelRelease+"/kernel/"+want]; !ok {
			t.Errorf("the initramfs has no %s", want)
		}
	}
	start := time.Now()
	again, _ := b.build(src)
	if again != id || len(b.said) > 0 {
		t.Errorf("the second build made %s (first %s) and did %q", again, id, b.said)
	}
	t.Logf("the second build took %v", time.Since(start))
}
