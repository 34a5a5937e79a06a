package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	script, err := bake("image.desk", []resource.BakedStep{file})
	if err != nil || !strings.Contains(script, "aXQncyBiYWtlZA==") || !strings.Contains(script, "step.file.motd") {
		t.Errorf("%v\n%s", err, script)
	}
	if script, err := bake("image.desk", nil); script != "" || err != nil {
		t.Error("no steps make a script: an image without steps would be built anew with each viver")
	}
	for want, s := range map[string]resource.BakedStep{
		"acts on a server": {Addr: "u", Type: "unit", Config: obj("unit", "dhcp")},
		"not absolute":     {Addr: "f", Type: "file", Config: obj("path", "motd", "content", "")},
		"no step type":     {Addr: "x", Type: "teleport", Config: obj()},
	} {
		if _, err := bake("image.desk", []resource.BakedStep{file, s}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestBakedStepsAreFollowedByALook(t *testing.T) {
	needs := []resource.Requirement{{Pac: "pac.home", KernelModules: []string{"nfs"}}}
	file := resource.BakedStep{Addr: "step.file.motd", Type: "file", Config: obj("path", "/etc/motd", "content", ""), Requires: needs}
	script, err := bake("image.desk", []resource.BakedStep{file, file})
	if err != nil || strings.Count(script, "pac.home requires the kernel module nfs") != 1 || strings.Index(script, "step.file.motd") > strings.Index(script, "pac.home") {
		t.Errorf("%v\n%s", err, script)
	}
}

// TestLookFails runs the script as a build would, in a tree that is this machine's: it only reads.
func TestLookFails(t *testing.T) {
	for _, c := range []struct{ module, want string }{
		{"no-such-module", "pac.home requires the kernel module no-such-module, which the kernel of image.desk has not got"}, {"", ""},
	} {
		need := resource.Requirement{Pac: "pac.home"}
		if c.module != "" {
			need.KernelModules = []string{c.module}
		}
		script, err := bake("image.desk", []resource.BakedStep{{Addr: "step.command.x", Type: "command", Config: obj("run", "true"), Requires: []resource.Requirement{need}}})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-e", "-s")
		cmd.Stdin = strings.NewReader(script)
		cmd.Env = []string{"TMPDIR=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		if (err != nil) != (c.want != "") || !strings.Contains(string(out), c.want) || c.want != "" && strings.Contains(string(out), "0 pac.home") {
			t.Errorf("%q: %v\n%s", c.module, err, out)
		}
	}
}

func TestOutfit(t *testing.T) {
	tree := t.TempDir()
	if err := os.MkdirAll(filepath.Join(tree, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "etc/os-release"), []byte("ID=alpine\nVERSION_ID=3.20\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	packages := cty.ListVal([]cty.Value{cty.StringVal("nano=1.2-3"), cty.StringVal("bash:amd64")})
	config := func(from string, packages cty.Value) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{"from": cty.StringVal(from), "packages": packages, "kernel": cty.StringVal("linux-image-cloud-amd64")})
	}
	for _, c := range []struct {
		config cty.Value
		want   resource.Outfit
	}{
		{config("debian:bookworm", packages), resource.Outfit{Distribution: "debian", Listed: true, Packages: []string{"nano", "bash", "linux-image-cloud-amd64"}}},
		{config("debian:bookworm", cty.UnknownVal(cty.List(cty.String))), resource.Outfit{Distribution: "debian"}},
		{config("dir:"+tree, packages), resource.Outfit{Distribution: "alpine"}},
		{config("dir:"+tree+"/none", packages), resource.Outfit{}},
	} {
		if d := cmp.Diff(c.want, new(Type).Outfit(c.config)); d != "" {
			t.Errorf("%#v: -want +got\n%s", c.config, d)
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
