package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

func obj(pairs ...string) cty.Value {
	attrs := map[string]cty.Value{}
	for i := 0; i < len(pairs); i += 2 {
		attrs[pairs[i]] = cty.StringVal(pairs[i+1])
	}
	return cty.ObjectVal(attrs)
}

func TestBake(t *testing.T) {
	file := resource.BakedStep{Addr: "step.file.motd", Type: "file", Config: obj("path", "/etc/motd", "content", "it's baked")}
	script, err := bake([]resource.BakedStep{file})
	if err != nil || !strings.Contains(script, "aXQncyBiYWtlZA==") || !strings.Contains(script, "step.file.motd") {
		t.Errorf("%v\n%s", err, script)
	}
	if script, err := bake(nil); script != "" || err != nil {
		t.Error("no steps make a script: an image without steps would be built anew with each viver")
	}
	for want, s := range map[string]resource.BakedStep{
		"acts on a server": {Addr: "u", Type: "unit", Config: obj("unit", "dhcp")},
		"not absolute":     {Addr: "f", Type: "file", Config: obj("path", "motd", "content", "")},
		"no step type":     {Addr: "x", Type: "teleport", Config: obj()},
	} {
		if _, err := bake([]resource.BakedStep{file, s}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestReadOfAnImageThatIsGone(t *testing.T) {
	cache := t.TempDir()
	typ := &Type{Cache: func() (string, error) { return cache, nil }}
	id := "sha256:" + strings.Repeat("0", 64)
	read := func() resource.Observation {
		return typ.Read(t.Context(), []resource.ReadRequest{{Prior: obj("id", id)}})[0]
	}
	if got := read(); got.Status != resource.Absent || !strings.Contains(got.Reason, cache) {
		t.Errorf("%+v", got)
	}
	dir := filepath.Join(cache, "images", strings.Repeat("0", 64))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := read(); got.Status != resource.Drifted || !strings.Contains(got.Reason, "damaged") {
		t.Errorf("%+v", got)
	}
}

func TestApplyRefuses(t *testing.T) {
	cache := t.TempDir()
	node := filepath.Join(cache, "viver-node")
	if err := os.WriteFile(node, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	typ := &Type{Cache: func() (string, error) { return cache, nil }, NodeBinary: func() (string, error) { return node, nil }}
	for want, config := range map[string]cty.Value{
		"debian:SUITE":  obj("from", "windows:11"),
		"absolute path": obj("from", "dir:relative"),
	} {
		if _, err := typ.Apply(t.Context(), resource.ApplyRequest{Addr: "image.desk", Config: config}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestImportOfAnImageThatIsNotThere(t *testing.T) {
	cache := t.TempDir()
	typ := &Type{Cache: func() (string, error) { return cache, nil }}
	_, err := typ.Import(t.Context(), resource.ImportRequest{Addr: "image.desk", ID: "sha256:" + strings.Repeat("0", 64)})
	if err == nil || !strings.Contains(err.Error(), "there is no image") {
		t.Error(err)
	}
}
