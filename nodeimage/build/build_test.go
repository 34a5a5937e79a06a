package build_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"viver/nodeimage/build"
	"viver/nodeimage/imagestore"
	"viver/nodeimage/initramfs"
	"viver/nodeimage/spec"
)

// program is the smallest file that debug/elf takes for a static program.
var program = append([]byte("\x7fELF\x02\x01\x01"), append(make([]byte, 9), 2, 0, 62, 0, 1, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 56, 0, 0, 0, 64, 0, 0, 0, 0, 0)...)

// files are a tree that could almost boot.
var files = map[string]string{
	"boot/vmlinuz-6.1.0-9-test":             "old kernel",
	"boot/vmlinuz-6.1.0-10-test":            "kernel",
	"boot/initrd.img-6.1.0-10-test":         "initrd",
	"etc/fstab":                             "UUID=1 / ext4 defaults 0 1\n",
	"etc/hostname":                          "workshop\n",
	"etc/machine-id":                        "0123456789abcdef0123456789abcdef\n",
	"etc/motd":                              "hello\n",
	"etc/os-release":                        "ID=test\nVERSION_ID=\"12\"\n",
	"etc/resolv.conf":                       "nameserver 192.0.2.1\n",
	"etc/ssh/ssh_host_rsa_key":              "secret",
	"lib/modules/6.1.0-9-test/modules.dep":  "",
	"lib/modules/6.1.0-10-test/modules.dep": "kernel/drivers/net/virtio_net.ko:\n",
	"lib/modules/6.1.0-10-test/kernel/drivers/net/virtio_net.ko":   "module",
	"lib/systemd/system/fstrim.timer":                              "",
	"lib/systemd/system/modprobe@.service":                         "",
	"tmp/.hidden":                                                  "x",
	"var/lib/apt/lists/deb.example_dists":                          "x",
	"var/log/apt/term.log":                                         "x",
	"var/log/journal/0123456789abcdef0123456789abcdef/system.data": "x",
}

func plant(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	for name, data := range files {
		put(t, filepath.Join(dir, name), data, 0o644)
	}
	for _, name := range []string{"dev", "proc", "run", "sys"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Date(2025, 6, 7, 8, 9, 10, 0, time.UTC)
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error { return os.Chtimes(path, past, past) })
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func put(t *testing.T, path, data string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), mode); err != nil {
		t.Fatal(err)
	}
}

// bench is a builder with what it says.
type bench struct {
	build.Builder
	t    *testing.T
	said []string
}

// workbench returns a builder that can make roots, or skips the test.
func workbench(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a root needs root rights")
	}
	need(t, "mksquashfs")
	b := newBench(t)
	return b
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	store, err := imagestore.Open(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "viver-node"), string(program), 0o755)
	b := &bench{t: t, Builder: build.Builder{
		Store: store, NodeBinary: filepath.Join(dir, "viver-node"), Cache: filepath.Join(dir, "cache"),
	}}
	b.Progress = func(text string) { b.said = append(b.said, text) }
	return b
}

// need skips a test, or under CI fails it, when a tool is missing.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	return path
}

func (b *bench) build(src build.Source) (spec.Digest, *spec.Manifest) {
	b.t.Helper()
	b.said = nil
	id, m, err := b.Build(b.t.Context(), src)
	if err != nil {
		b.t.Fatal(err)
	}
	return id, m
}

func (b *bench) read(id spec.Digest, name string) []byte {
	b.t.Helper()
	path, err := b.Store.Path(id, name)
	if err != nil {
		b.t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	return data
}

// list returns what unsquashfs sees in the root of an image: one line for each file.
func (b *bench) list(id spec.Digest) string {
	b.t.Helper()
	path, err := b.Store.Path(id, imagestore.FileRoot)
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := exec.Command("unsquashfs", "-lln", path).Output()
	if err != nil {
		b.t.Fatal(err)
	}
	return string(out)
}

// unpack returns the entries of the first archive of an initramfs.
func unpack(t *testing.T, data []byte) map[string]initramfs.Entry {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	archive, _ := io.ReadAll(z) // ends with an error at the padding; Read knows whether the archive is whole
	list, err := initramfs.Read(archive)
	if err != nil {
		t.Fatal(err)
	}
	entries := make(map[string]initramfs.Entry)
	for _, e := range list {
		entries[e.Name] = e
	}
	return entries
}

func one(t *testing.T, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) != 1 {
		t.Fatalf("%s: %q, %v", pattern, paths, err)
	}
	return paths[0]
}

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

// wantNoWork fails if an unfinished root is left.
func (b *bench) wantNoWork() {
	b.t.Helper()
	for _, pattern := range []string{"/work/*[0-9a-f]", "/roots/*/image-*"} {
		if left, err := filepath.Glob(b.Cache + pattern); err != nil || len(left) > 0 {
			b.t.Errorf("left behind: %q, %v", left, err)
		}
	}
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
