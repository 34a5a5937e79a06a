package build_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

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
	"lib/modules/6.1.0-10-test/kernel/drivers/net/virtio_net.ko": "module",
	"lib/systemd/system/fstrim.timer":                            "",
	"lib/systemd/system/modprobe@.service":                       "",
	"usr/bin/ssh-keygen":                                         "", "usr/sbin/sshd": "", "usr/lib/systemd/systemd": "",
	"tmp/.hidden":                         "x",
	"var/lib/apt/lists/deb.example_dists": "x",
	"var/log/apt/term.log":                "x",
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

// wantNoWork fails if something unfinished is left.
func (b *bench) wantNoWork() {
	b.t.Helper()
	if left, err := filepath.Glob(b.Cache + "/work/*[0-9a-f]"); err != nil || len(left) > 0 {
		b.t.Errorf("left behind: %q, %v", left, err)
	}
}
