package source_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"viver/planner/source"
)

var builtin = fstest.MapFS{
	"dhcp/pac.viver.hcl":        {Data: []byte("# dhcp")},
	"dhcp/templates/dhcp.conf":  {Data: []byte("conf")},
	"netboot/pac.viver.hcl":     {Data: []byte("# netboot")},
	"netboot/sub/pac.viver.hcl": {Data: []byte("# sub")},
	"step/notes.txt":            {Data: []byte("no Pac")},
}

var places = source.Places{Builtin: builtin}

func local(t *testing.T, dir string) source.Dir {
	t.Helper()
	d, err := source.Local(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestResolve(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "pacs", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	from := local(t, root)
	netboot, err := places.Resolve(from, "builtin/netboot", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from         source.Dir
		source, want string
	}{
		{from, "./pacs/x", filepath.Join(root, "pacs/x")},
		{from, "builtin/dhcp", "builtin/dhcp"},
		{netboot, "./sub", "builtin/netboot/sub"},
		{netboot, "../dhcp", "builtin/dhcp"},
		{netboot, "builtin/dhcp", "builtin/dhcp"},
	} {
		d, err := places.Resolve(test.from, test.source, "")
		if err != nil || d.Path != test.want {
			t.Errorf("Resolve(%s) = %s, %v, want %s", test.source, d.Path, err, test.want)
		}
	}
}

func TestResolveErrors(t *testing.T) {
	from := local(t, t.TempDir())
	netboot, err := places.Resolve(from, "builtin/netboot", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from         source.Dir
		source, want string
	}{
		{from, "./none", "no such file or directory"},
		{from, "netboot", `"./NAME"`},
		{from, "", `"./NAME"`},
		{from, "/srv/pac", `"./NAME"`},
		{from, "git::https://example.org/pac", "nothing can be fetched here"},
		{from, "oci://example.org/pac", "names no tag"},
		{from, "builtin/dhpc", "there are dhcp, netboot"},
		{from, "builtin/../x", "no Pac"},
		{netboot, "../../etc", "no Pac"},
	} {
		_, err := places.Resolve(test.from, test.source, "")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Resolve(%q): %v, want an error with %q", test.source, err, test.want)
		}
	}
	if _, err := (source.Places{}).Resolve(from, "builtin/dhcp", ""); err == nil {
		t.Error("a Pac was found where none comes along")
	}
}

func TestReadFile(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	big, err := os.Create(filepath.Join(root, "big"))
	if err != nil {
		t.Fatal(err)
	}
	if err := big.Truncate(source.MaxFile + 1); err != nil {
		t.Fatal(err)
	}
	if err := big.Close(); err != nil {
		t.Fatal(err)
	}
	d := local(t, root)
	for _, name := range []string{"a", filepath.Join(root, "a"), "./b/../a"} {
		if data, err := d.ReadFile(name); err != nil || string(data) != "text" {
			t.Errorf("ReadFile(%s) = %q, %v", name, data, err)
		}
	}
	for name, want := range map[string]string{"none": "no such file", "pipe": "not a regular file", ".": "not a regular file", "big": "larger than 16 MiB"} {
		if _, err := d.ReadFile(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadFile(%s): %v, want an error with %q", name, err, want)
		}
	}
}

func TestReadBuiltinFile(t *testing.T) {
	d, err := places.Resolve(source.Dir{}, "builtin/dhcp", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"templates/dhcp.conf", d.Path + "/templates/dhcp.conf"} {
		if data, err := d.ReadFile(name); err != nil || string(data) != "conf" {
			t.Errorf("ReadFile(%s) = %q, %v", name, data, err)
		}
	}
	if _, err := d.ReadFile("../../../etc/passwd"); err == nil {
		t.Error("a file outside was read")
	}
	if ok, err := d.Exists("none"); ok || err != nil {
		t.Errorf("Exists(none) = %v, %v", ok, err)
	}
	if ok, err := d.Exists("pac.viver.hcl"); !ok || err != nil {
		t.Errorf("Exists(pac.viver.hcl) = %v, %v", ok, err)
	}
}
