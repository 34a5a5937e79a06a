package pacs_test

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"viver/pacs"
)

// Every Pac is HCL, and has a README that names all of its inputs and outputs.
func TestEveryPac(t *testing.T) {
	modules, err := fs.Glob(pacs.FS, "*/pac.viver.hcl")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range modules {
		name := path.Dir(file)
		found[name] = true
		readme, err := os.ReadFile(path.Join(name, "README.md"))
		if err != nil {
			t.Error(err)
		}
		for _, input := range inputsAndOutputs(t, file) {
			if !strings.Contains(string(readme), "`"+input+"`") {
				t.Errorf("%s/README.md says nothing of %s", name, input)
			}
		}
	}
	for _, name := range []string{"dhcp", "tftp", "nbd", "netboot"} {
		if !found[name] {
			t.Errorf("builtin/%s is missing", name)
		}
	}
}

func inputsAndOutputs(t *testing.T, file string) []string {
	t.Helper()
	data, err := fs.ReadFile(pacs.FS, file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, diags := hclparse.NewParser().ParseHCL(data, file)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	content, _, diags := parsed.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "variable", LabelNames: []string{"name"}}, {Type: "output", LabelNames: []string{"name"}},
	}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var names []string
	for _, b := range content.Blocks {
		names = append(names, b.Labels[0])
	}
	return names
}
