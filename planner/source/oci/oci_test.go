package oci_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	ocilayout "oras.land/oras-go/v2/content/oci"

	"viver/planner/source"
	"viver/planner/source/oci"
	"viver/planner/source/oci/registrytest"
	"viver/planner/source/tree"
)

func pac(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "pac.viver.hcl"), []byte(text), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "bin", "run"), []byte("#!/bin/sh\n"), 0o700))
	must(t, os.Symlink("bin/run", filepath.Join(dir, "link")))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Both kinds of repository give back what was put into them.
func TestPushAndGet(t *testing.T) {
	server := httptest.NewServer(&registrytest.Registry{})
	defer server.Close()
	layout, err := ocilayout.New(t.TempDir())
	must(t, err)
	for name, test := range map[string]struct {
		registry oci.Registry
		location string
	}{
		"registry": {oci.Registry{}, strings.TrimPrefix(server.URL, "http://") + "/room/web"},
		"layout":   {oci.Registry{Open: func(string) (oci.Repository, error) { return layout, nil }}, "example.org/room/web"},
	} {
		t.Run(name, func(t *testing.T) { pushAndGet(t, test.registry, test.location) })
	}
}

func pushAndGet(t *testing.T, r oci.Registry, location string) {
	first := pac(t, "one")
	id, err := r.Push(t.Context(), first, location, "v1.0.0")
	must(t, err)
	if again, err := r.Push(t.Context(), pac(t, "one"), location, "v1.0.1"); err != nil || again != id {
		t.Errorf("the same files became %s and %s, %v", id, again, err)
	}
	_, err = r.Push(t.Context(), pac(t, "two"), location, "v2.0.0")
	must(t, err)
	for _, o := range []source.Origin{
		{Scheme: "oci", Location: location, Ref: "v1.0.0"},
		{Scheme: "oci", Location: location, Ref: id},
		{Scheme: "oci", Location: location, Version: "~> 1.0"},
	} {
		tag, got, err := r.Pin(t.Context(), o)
		if err != nil || got != id || (tag == "v1.0.1") != (o.Version != "") {
			t.Errorf("Pin(%s) = %q, %s, %v, want %s", o, tag, got, err, id)
		}
	}
	to := t.TempDir()
	must(t, r.Get(t.Context(), source.Origin{Location: location}, id, to))
	want, err := tree.Hash(first)
	must(t, err)
	if got, err := tree.Hash(to); err != nil || got != want {
		t.Errorf("what came back has the hash %s, %v, want %s", got, err, want)
	}
	for _, o := range []source.Origin{{Location: location, Ref: "v9"}, {Location: location, Version: "~> 9"}, {Location: location + "x", Ref: "v9"}} {
		if _, _, err := r.Pin(t.Context(), o); err == nil {
			t.Errorf("Pin(%s) succeeded", o)
		}
	}
	if _, err := r.Push(t.Context(), first, location, "v 1"); err == nil || !strings.Contains(err.Error(), "no tag") {
		t.Errorf("Push: %v", err)
	}
}

// archive makes a Pac of an archive as no push would make it.
func archive(t *testing.T, layout oras.Target, artifact string, headers ...tar.Header) string {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	w := tar.NewWriter(zip)
	for _, h := range headers {
		must(t, w.WriteHeader(&h))
		_, err := w.Write(make([]byte, h.Size))
		must(t, err)
	}
	must(t, w.Close())
	must(t, zip.Close())
	layer, err := oras.PushBytes(t.Context(), layout, oci.LayerType, packed.Bytes())
	must(t, err)
	d, err := oras.PackManifest(t.Context(), layout, oras.PackManifestVersion1_1, artifact, oras.PackManifestOptions{Layers: []ocispec.Descriptor{layer}})
	must(t, err)
	return string(d.Digest)
}

func TestGetRefuses(t *testing.T) {
	layout, err := ocilayout.New(t.TempDir())
	must(t, err)
	r := oci.Registry{Open: func(string) (oci.Repository, error) { return layout, nil }}
	for _, test := range []struct{ id, want string }{
		{archive(t, layout, oci.ArtifactType, tar.Header{Typeflag: tar.TypeReg, Name: "../x"}), "no path within"},
		{archive(t, layout, oci.ArtifactType, tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/etc"}), "out of the folder"},
		{archive(t, layout, oci.ArtifactType, tar.Header{Typeflag: tar.TypeChar, Name: "null"}), "neither a file nor a link"},
		{archive(t, layout, oci.ArtifactType, tar.Header{Typeflag: tar.TypeLink, Name: "h", Linkname: "/etc/passwd"}), "neither a file nor a link"},
		{archive(t, layout, oci.ArtifactType, tar.Header{Typeflag: tar.TypeReg, Name: "big", Size: tree.MaxBytes + 1}), "more than 64 MiB"},
		{archive(t, layout, "application/x", tar.Header{Typeflag: tar.TypeReg, Name: "x"}), "it is no Pac"},
		{"sha256:" + strings.Repeat("0", 64), "not found"},
	} {
		err := r.Get(t.Context(), source.Origin{Location: "example.org/x"}, test.id, t.TempDir())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want an error with %q", err, test.want)
		}
	}
}
