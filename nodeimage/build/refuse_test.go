package build_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/nodeimage/build"
)

func TestSourceRefused(t *testing.T) {
	for want, src := range map[string]build.Source{
		`want "debian:SUITE"`:   {From: "oci:alpine"},
		"no Debian suite":       {From: "debian:--help"},
		"name of a Debian":      {From: "debian:bookworm", Packages: []string{"--help"}},
		"is no name of":         {From: "debian:bookworm", Kernel: "a,b"},
		"mirror":                {From: "debian:bookworm", Mirror: "http://user:word@example.org/debian"},
		"level 23":              {From: "debian:bookworm", Compression: 23},
		"architecture":          {From: "debian:bookworm", Architecture: "vax"},
		"no absolute path":      {From: "dir:srv/root"},
		"debian:SUITE only; in": {From: "dir:/srv", Packages: []string{"hello"}},
		"SUITE only":            {From: "dir:/srv", Mirror: "http://example.org"},
		"no such file":          {From: "dir:/nonexistent/tree"},
		"lies in the tree":      {From: "dir:/"},
	} {
		_, _, err := newBench(t).Build(t.Context(), src)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), src.From) {
			t.Errorf("%+v: want an error with %q, got %v", src, want, err)
		}
	}
}

func TestBadProgram(t *testing.T) {
	b := newBench(t)
	src := build.Source{From: "dir:" + plant(t)}
	dynamic, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	for want, data := range map[string]string{"is no program": "#!/bin/sh\n", "is not static": string(dynamic)} {
		put(t, b.NodeBinary, data, 0o755)
		if _, _, err := b.Build(t.Context(), src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	b.NodeBinary = filepath.Join(t.TempDir(), "absent")
	if _, _, err := b.Build(t.Context(), src); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("no viver-node: %v", err)
	}
}

func TestTreeRefused(t *testing.T) {
	for want, spoil := range map[string]func(dir string){
		"has no kernel": func(dir string) { os.RemoveAll(filepath.Join(dir, "boot")) },
		"run depmod":    func(dir string) { os.RemoveAll(filepath.Join(dir, "lib")) },
		"virtio_net.ko": func(dir string) { os.RemoveAll(filepath.Join(dir, "lib/modules/6.1.0-10-test/kernel")) },
	} {
		b := workbench(t)
		dir := plant(t)
		spoil(dir)
		if _, _, err := b.Build(t.Context(), build.Source{From: "dir:" + dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
		b.wantNoWork()
	}
}

func TestMissingTool(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("without root rights a build ends before it looks for its tools")
	}
	b := newBench(t)
	t.Setenv("PATH", t.TempDir())
	_, _, err := b.Build(t.Context(), build.Source{From: "dir:" + plant(t)})
	if err == nil || !strings.Contains(err.Error(), "apt-get install squashfs-tools") {
		t.Errorf("got %v", err)
	}
}
