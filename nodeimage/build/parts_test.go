package build

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"viver/nodeimage/spec"
)

// TestAlpine finds a release that is in the kernel's header only.
func TestAlpine(t *testing.T) {
	image := make([]byte, 0x400)
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(image[0x20e:], 0x100)
	copy(image[0x300:], "6.6.8-0-lts (builder@host) #1\x00")
	dir := t.TempDir()
	for name, data := range map[string][]byte{"boot/vmlinuz-lts": image, "lib/modules/6.6.8-0-lts/modules.dep": nil} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	got, err := findKernel(tree)
	if want := (kernel{"boot/vmlinuz-lts", "6.6.8-0-lts"}); err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAptProgress(t *testing.T) {
	var said []string
	p := aptProgress{say: func(s string) { said = append(said, s) }}
	p.line("I: running apt-get update...")
	p.line("Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]")
	for i := range 45 {
		p.line(fmt.Sprintf("Get:%d http://deb.debian.org/debian bookworm/main amd64 p%d amd64 1.0 [151 kB]", i+2, i))
		p.line(fmt.Sprintf("Unpacking p%d (1.0) ...", i))
	}
	want := []string{"reading package lists", "20 packages fetched", "20 packages unpacked", "40 packages fetched", "40 packages unpacked"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}

func TestLines(t *testing.T) {
	var got []string
	l := lines{each: func(s string) { got = append(got, s) }}
	fmt.Fprintf(&l, "a\rb\n\n%s\nE: why\nE: apt-get -o x=y update failed\nlast", strings.Repeat("x", 2*longest))
	l.end()
	if want := []string{"a", "b", strings.Repeat("x", longest), "E: why", "E: apt-get -o x=y update failed", "last"}; !cmp.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if l.reason() != "E: why" {
		t.Errorf("the reason is %q", l.reason())
	}
}

func TestChunks(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, 3*spec.ChunkSize+1)
	for i := range data {
		data[i] = byte(i >> 18)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	got, err := chunks(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	want := spec.Root{Size: 3*spec.ChunkSize + block}
	for i := range 3 {
		want.Chunks = append(want.Chunks, spec.DigestOf(data[i*spec.ChunkSize:(i+1)*spec.ChunkSize]))
	}
	want.Chunks = append(want.Chunks, spec.DigestOf(append([]byte{3}, make([]byte, block-1)...)))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExplain(t *testing.T) {
	for _, err := range []error{&os.PathError{Op: "write", Path: "x", Err: unix.ENOSPC}, fmt.Errorf("mksquashfs: exit status 1\nFATAL ERROR: No space left on device")} {
		if got := explain(err, "/cache").Error(); !strings.Contains(got, "/cache") || !strings.Contains(got, "is full") {
			t.Errorf("got %q", got)
		}
	}
}
