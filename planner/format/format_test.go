package format_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"viver/planner/format"
)

func TestSource(t *testing.T) {
	got, diags := format.Source("x", []byte("server   \"a\" {\naddress=\"10.0.0.1\"\n  data_dir = \"/x\" # here\n}\n"))
	want := "server \"a\" {\n  address  = \"10.0.0.1\"\n  data_dir = \"/x\" # here\n}\n"
	if diags.HasErrors() || string(got) != want {
		t.Errorf("Source = %q, %v, want %q", got, diags, want)
	}
	for text, want := range map[string]string{"server {": "Unclosed", "\x00": "UTF-8", strings.Repeat("[", 1000): "500 brackets"} {
		if _, diags := format.Source("x", []byte(text)); !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("Source(%.10q): %v, want an error with %q", text, diags, want)
		}
	}
}

// What comes out is HCL, too.
func FuzzSource(f *testing.F) {
	f.Add([]byte("a=1\nb   { c = [ 1,2 ] }\n"))
	f.Add([]byte("a = <<EOT\n x\nEOT\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, diags := format.Source("x", data)
		if diags.HasErrors() {
			return
		}
		if _, diags := format.Source("x", once); diags.HasErrors() {
			t.Errorf("%q became %q: %v", data, once, diags)
		}
	})
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"main.viver.hcl", "a.test.viver.hcl", "x.viver.vars", "viver.lock.hcl", "data.viver.hcl.json", ".hidden.viver.hcl", "sub/b.viver.hcl", ".viver/pacs/x/c.viver.hcl", "vendor/pacs/x/d.viver.hcl", "vendor/e.viver.hcl"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for recursive, want := range map[bool][]string{
		false: {"a.test.viver.hcl", "main.viver.hcl", "x.viver.vars"},
		true:  {"a.test.viver.hcl", "main.viver.hcl", "sub/b.viver.hcl", "vendor/e.viver.hcl", "x.viver.vars"},
	} {
		files, err := format.Files([]string{dir, filepath.Join(dir, "main.viver.hcl")}, recursive)
		if err != nil {
			t.Fatal(err)
		}
		for i := range files {
			files[i], _ = filepath.Rel(dir, files[i])
		}
		if !reflect.DeepEqual(files, want) {
			t.Errorf("Files(recursive %v) = %v, want %v", recursive, files, want)
		}
	}
	if _, err := format.Files([]string{filepath.Join(dir, "none")}, false); err == nil {
		t.Error("a folder that is not there has files")
	}
}

func TestWriteKeepsModeAndLink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "f"), filepath.Join(dir, "l")
	if err := os.WriteFile(file, []byte("1"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("f", link); err != nil {
		t.Fatal(err)
	}
	if err := format.Write(link, []byte("2")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(file)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if target, err := os.Readlink(link); err != nil || target != "f" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if data, err := format.Read(link); err != nil || string(data) != "2" {
		t.Errorf("Read = %q, %v", data, err)
	}
}
