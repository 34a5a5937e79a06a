package source_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"viver/planner/source"
)

func TestGlob(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a.txt", "b.conf", "sub/c.txt", "sub/deep/d.txt"} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dhcp, err := source.Places{Builtin: builtin}.Resolve(local(t, root), "builtin/dhcp", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		dir             source.Dir
		folder, pattern string
		want            []string
	}{
		{local(t, root), ".", "*", []string{"a.txt", "b.conf"}},
		{local(t, root), root, "**/*.txt", []string{"a.txt", "sub/c.txt", "sub/deep/d.txt"}},
		{local(t, root), "sub", "{c,x}.txt", []string{"c.txt"}},
		{local(t, root), "none", "*", nil},
		{dhcp, ".", "**", []string{"pac.viver.hcl", "templates/dhcp.conf"}},
		{dhcp, "builtin/dhcp/templates", "*", []string{"dhcp.conf"}},
	} {
		got, err := test.dir.Glob(test.folder, test.pattern)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s %s: %v, %v; want %v", test.folder, test.pattern, got, err, test.want)
		}
	}
	if _, err := local(t, root).Glob(".", "["); err == nil || !strings.Contains(err.Error(), "no pattern") {
		t.Errorf("bad pattern: %v", err)
	}
}
