package join_test

import (
	"net/http"
	"strings"
	"testing"

	"viver/nodeimage/spec"
)

func manifest(t *testing.T) ([]byte, spec.Digest) {
	t.Helper()
	none := spec.DigestOf(nil)
	file := spec.File{Size: 1, SHA256: none}
	m := &spec.Manifest{Version: 1, Root: spec.Root{Size: 4096, Chunks: []spec.Digest{none}}, Files: map[string]spec.File{"vmlinuz": file, "initrd": file}}
	data, id, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data, id
}

// TestManifest passes over servers that do not have the image, and those that give something else.
func TestManifest(t *testing.T) {
	ca := newAuthority(t)
	data, id := manifest(t)
	raw := func(body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != spec.PathManifest || r.URL.Query().Get(spec.QueryImage) != string(id) {
				t.Errorf("asked for %s", r.URL)
			}
			_, _ = w.Write(body)
		}
	}
	has := ca.server(t, name, 2021, 2089, raw(data))
	wrong, lacks := ca.server(t, name, 2021, 2089, raw([]byte("{}"))), ca.server(t, name, 2021, 2089, reply(http.StatusNotFound, "no such image"))
	got, err := client(t, ca.bundle(), lacks, wrong, has).Manifest(t.Context(), id)
	if err != nil || string(got) != string(data) {
		t.Errorf("%s, %v", got, err)
	}
	_, err = client(t, ca.bundle(), lacks, wrong).Manifest(t.Context(), id)
	if err == nil || !strings.Contains(err.Error(), "no such image") || !strings.Contains(err.Error(), "has the digest") {
		t.Errorf("%v", err)
	}
	long := ca.server(t, name, 2021, 2089, raw(make([]byte, spec.MaxManifest+1)))
	if _, err := client(t, ca.bundle(), long).Manifest(t.Context(), id); err == nil || !strings.Contains(err.Error(), "more than 16777216 bytes") {
		t.Errorf("%v", err)
	}
	if _, err := client(t, ca.bundle()).Manifest(t.Context(), id); err == nil {
		t.Error("a manifest of nobody was taken")
	}
}

func TestImages(t *testing.T) {
	ca := newAuthority(t)
	has := ca.server(t, name, 2021, 2089, reply(http.StatusOK, spec.ReportResponse{Server: "seed", Images: []spec.Digest{"sha256:1"}}))
	got, err := client(t, ca.bundle()).Images(t.Context(), has)
	if err != nil || got.Server != "seed" || len(got.Images) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	old := ca.server(t, name, 2021, 2089, reply(http.StatusNotFound, "404 page not found"))
	if _, err := client(t, ca.bundle()).Images(t.Context(), old); err == nil {
		t.Error("a server of an earlier version has images")
	}
}
