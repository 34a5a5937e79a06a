package spec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/spec"
)

func manifest() *spec.Manifest {
	d := spec.DigestOf(nil)
	f := spec.File{Size: 1, SHA256: d}
	return &spec.Manifest{
		Version: 1,
		Root:    spec.Root{Size: spec.ChunkSize + 4096, Chunks: []spec.Digest{d, d}},
		Files:   map[string]spec.File{"vmlinuz": f, "initrd": f},
	}
}

func TestManifestRoundTrip(t *testing.T) {
	data, id, err := manifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := spec.DecodeManifest(data, id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(manifest(), got); diff != "" {
		t.Error(diff)
	}
	if _, err := spec.DecodeManifest(append(data, ' '), id); err == nil {
		t.Error("a changed manifest was taken for the image's own")
	}
}

func TestManifestRefused(t *testing.T) {
	for want, spoil := range map[string]func(*spec.Manifest){
		"version 2":             func(m *spec.Manifest) { m.Version = 2 },
		"with 1 chunks":         func(m *spec.Manifest) { m.Root.Chunks = m.Root.Chunks[:1] },
		"root of 0 bytes":       func(m *spec.Manifest) { m.Root = spec.Root{} },
		"root of 1 bytes":       func(m *spec.Manifest) { m.Root.Size = 1 },
		"chunk 1":               func(m *spec.Manifest) { m.Root.Chunks[1] = "sha256:../../etc" },
		"no boot file initrd":   func(m *spec.Manifest) { delete(m.Files, "initrd") },
		"vmlinuz: spec: \"md5:": func(m *spec.Manifest) { m.Files["vmlinuz"] = spec.File{Size: 1, SHA256: "md5:"} },
	} {
		m := manifest()
		spoil(m)
		if _, _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, _, _ := manifest().Encode()
	f.Add(data)
	f.Add([]byte(`{"version":1,"unknown":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := new(spec.Manifest)
		if spec.Decode(data, m) != nil || m.Validate() != nil {
			return
		}
		again, id, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := spec.DecodeManifest(again, id); err != nil {
			t.Fatal(err)
		}
	})
}
