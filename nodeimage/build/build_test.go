package build_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"viver/nodeimage/build"
	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
)

func TestBuild(t *testing.T) {
	b := workbench(t)
	id, m := b.build(build.Source{From: "dir:" + plant(t), Compression: 3})
	if m.KernelRelease != "6.1.0-10-test" || m.Distribution != "test 12" || string(b.read(id, imagestore.FileKernel)) != "kernel" {
		t.Errorf("manifest: release %q, distribution %q", m.KernelRelease, m.Distribution)
	}
	listing := b.list(id)
	for _, want := range []string{
		"/etc/motd\n", "/etc/machine-id\n", "/etc/systemd/system/fstrim.timer -> /dev/null\n", "/var/log/apt\n",
		"/etc/systemd/system/modprobe@dm_mod.service -> /dev/null\n", "/dev\n", "/tmp\n",
		"/multi-user.target.wants/ssh-host-key.service -> /etc/systemd/system/ssh-host-key.service\n",
	} {
		if !strings.Contains(listing, want) {
			t.Errorf("the root has no %s in\n%s", want, listing)
		}
	}
	for _, bad := range []string{
		"hostname", "resolv.conf", "ssh_host", "/boot/", "/tmp/", "/lists/", "term.log", "journal", "apt-daily",
	} {
		if strings.Contains(listing, bad) {
			t.Errorf("%s is in the root:\n%s", bad, listing)
		}
	}
	for line := range strings.Lines(listing) {
		f := strings.Fields(line)
		if len(f) > 5 && strings.HasSuffix(f[5], "/etc/fstab") && f[2] != "0" {
			t.Errorf("fstab is not empty: %s", line)
		}
	}
	initrd := b.read(id, imagestore.FileInitrd)
	if e := unpack(t, initrd)["init"]; !bytes.Equal(e.Data, program) || e.Mode != 0o755 {
		t.Errorf("/init has mode %v and %d bytes", e.Mode, len(e.Data))
	}
	modules, err := os.ReadFile(one(t, b.Cache+"/roots/*/modules.cpio.zst"))
	if err != nil || !bytes.HasSuffix(initrd, modules) {
		t.Errorf("the initramfs does not end with the modules: %v", err)
	}
	if e := unpack(t, modules)["lib/modules/6.1.0-10-test/kernel/drivers/net/virtio_net.ko"]; string(e.Data) != "module" {
		t.Errorf("the module is %q", e.Data)
	}
}

// TestStages looks at which of the two stages are done again.
func TestStages(t *testing.T) {
	b := workbench(t)
	dir := plant(t)
	src := build.Source{From: "dir:" + dir, Compression: 3}
	made := func() (root, boot bool) {
		return slices.Contains(b.said, "compressing the root"), slices.Contains(b.said, "making the initramfs")
	}
	expect := func(what string, wantRoot, wantBoot bool) {
		t.Helper()
		if root, boot := made(); root != wantRoot || boot != wantBoot {
			t.Errorf("%s: root made %t, boot files made %t", what, root, boot)
		}
	}
	first, _ := b.build(src)
	expect("first", true, true)
	again, _ := b.build(src)
	expect("again", false, false)
	if again != first {
		t.Error("another image came out of the same source")
	}
	put(t, b.NodeBinary, string(program)+"new", 0o755)
	second, m := b.build(src)
	expect("new viver-node", false, true)
	if _, old := b.build(src); second == first || m.Root.Chunks[0] != old.Root.Chunks[0] {
		t.Error("a new viver-node must make a new image with the same root")
	}
	if err := b.Store.Remove(second); err != nil {
		t.Fatal(err)
	}
	b.build(src)
	expect("removed from the store", false, true)
	put(t, filepath.Join(dir, "etc/motd"), "hello, world\n", 0o644)
	b.build(src)
	expect("changed tree", true, true)
}

// TestReproducible builds one tree in two places at two times.
func TestReproducible(t *testing.T) {
	dir := plant(t)
	var ids []spec.Digest
	for range 2 {
		id, _ := workbench(t).build(build.Source{From: "dir:" + dir, Compression: 3})
		ids = append(ids, id)
	}
	if ids[0] != ids[1] {
		t.Errorf("the same tree made %s and %s", ids[0], ids[1])
	}
}

func TestSourceIsOnlyRead(t *testing.T) {
	b := workbench(t)
	dir := plant(t)
	b.build(build.Source{From: "dir:" + dir, Compression: 3})
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s is now %q, %v", name, got, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "etc/systemd")); err == nil {
		t.Error("etc/systemd was made in the source")
	}
}

func TestCustomize(t *testing.T) {
	b := workbench(t)
	dir := plant(t)
	busybox, err := os.ReadFile(need(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "bin/sh"), string(busybox), 0o755)
	id, _ := b.build(build.Source{From: "dir:" + dir, Compression: 3, Customize: `
		test -x /usr/sbin/policy-rc.d
		test "$(cat /proc/sys/kernel/hostname)" = localhost
		echo baked >/etc/motd-baked
		sh -c 'while :; do :; done' &
	`})
	if listing := b.list(id); !strings.Contains(listing, "/etc/motd-baked\n") || strings.Contains(listing, "policy-rc.d") {
		t.Errorf("the steps are not baked in, or left something:\n%s", listing)
	}
	_, _, err = b.Build(t.Context(), build.Source{From: "dir:" + dir, Customize: "echo the steps say why; false"})
	if err == nil || !strings.Contains(err.Error(), "the steps say why") {
		t.Errorf("steps that fail: %v", err)
	}
	b.wantNoWork()
}

func TestCancel(t *testing.T) {
	b := workbench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.Progress = func(text string) {
		if text == "compressing the root" {
			cancel()
		}
	}
	_, _, err := b.Build(ctx, build.Source{From: "dir:" + plant(t)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	b.wantNoWork()
	if roots, _ := filepath.Glob(b.Cache + "/roots/*"); len(roots) > 0 {
		t.Errorf("half a root can be seen: %q", roots)
	}
}

// TestSweep lets a build find what one that was killed has left, with a file system still mounted in it.
func TestSweep(t *testing.T) {
	b := workbench(t)
	work := filepath.Join(b.Cache, "work", strings.Repeat("0", 64))
	mounted := filepath.Join(work, "tree", "a folder")
	precious := t.TempDir()
	put(t, filepath.Join(precious, "file"), "x", 0o644)
	if err := os.MkdirAll(mounted, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(precious, mounted, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(mounted, unix.MNT_DETACH) })
	b.build(build.Source{From: "dir:" + plant(t), Compression: 3})
	b.wantNoWork()
	if _, err := os.Stat(filepath.Join(precious, "file")); err != nil {
		t.Error("the file system that was mounted lost its files")
	}
}

// TestTogether lets two processes, as it were, make the same image at once.
func TestTogether(t *testing.T) {
	first := workbench(t)
	second := newBench(t)
	second.Store, second.Cache, second.NodeBinary = first.Store, first.Cache, first.NodeBinary
	src := build.Source{From: "dir:" + plant(t), Compression: 3}
	var ids [2]spec.Digest
	var g errgroup.Group
	for i, b := range []*bench{first, second} {
		g.Go(func() (err error) {
			ids[i], _, err = b.Build(t.Context(), src)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if ids[0] != ids[1] {
		t.Errorf("two images came out: %s", ids)
	}
	if a, b := slices.Contains(first.said, "compressing the root"), slices.Contains(second.said, "compressing the root"); a == b {
		t.Errorf("the root was made by both, or none:\n%q\n%q", first.said, second.said)
	}
	first.wantNoWork()
}

// TestDamagedCache sees to it that a root which has gone bad in the cache gets into no image.
func TestDamagedCache(t *testing.T) {
	b := workbench(t)
	src := build.Source{From: "dir:" + plant(t), Compression: 3}
	id, _ := b.build(src)
	if err := b.Store.Remove(id); err != nil {
		t.Fatal(err)
	}
	root := one(t, b.Cache+"/roots/*")
	f, err := os.OpenFile(filepath.Join(root, imagestore.FileRoot), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("bad"), 100); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Build(t.Context(), src); err == nil || !strings.Contains(err.Error(), "remove "+root) {
		t.Errorf("got %v", err)
	}
	b.wantNoWork()
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	if again, _ := b.build(src); again != id {
		t.Errorf("made again it is %s, not %s", again, id)
	}
}
