package pacs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"viver/pacs"
	"viver/planner/lang"
	"viver/planner/resource"
	"viver/planner/verify"
	"viver/providers"
)

// The tests of the Pacs and of the examples hold on simulated machines. Files that ask for a lab are left to testing/e2e.
func TestSimulated(t *testing.T) {
	var found []string
	for _, folder := range []string{"../../pacs", "../../examples"} {
		more, err := filepath.Glob(folder + "/*/*.test.viver.hcl")
		if err != nil || len(more) == 0 {
			t.Fatalf("%s has no tests: %v", folder, err)
		}
		found = append(found, more...)
	}
	types, schemas := map[string]resource.Type{}, map[string]*resource.Schema{}
	for _, typ := range providers.All(providers.Options{CADir: t.TempDir()}) {
		types[typ.Name()], schemas[typ.Name()] = typ, typ.Schema()
	}
	for _, name := range found {
		t.Run(filepath.Base(filepath.Dir(name)), func(t *testing.T) {
			file := parse(t, name)
			if file.Lab != nil {
				return
			}
			verify.RunAll(t.Context(), []*verify.File{file}, verify.Options{
				Load: lang.LoadOptions{Schemas: schemas, Builtin: pacs.FS},
				Open: verify.Simulated(types),
				Report: func(r verify.Result) {
					if r.Status != verify.Passed {
						t.Errorf("%s: %s\n%s", r.Run, r.Status, explained(r.Problems))
					}
				},
			})
		})
	}
}

func parse(t *testing.T, name string) *verify.File {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	file, diags := verify.Parse(name, data)
	if diags.HasErrors() {
		t.Fatal(explained(diags))
	}
	return file
}

// explained are all problems, one in a line.
func explained(diags hcl.Diagnostics) (text string) {
	for _, d := range diags {
		text += d.Error() + "\n"
	}
	return text
}
