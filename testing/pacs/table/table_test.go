package main

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const module = "../../.."

func TestPageIsFresh(t *testing.T) {
	root := os.DirFS(module)
	have, err := fs.ReadFile(root, page)
	if err != nil {
		t.Fatal(err)
	}
	want, err := renewed(root, have)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(have)); diff != "" {
		t.Errorf("%s is stale: go generate ./testing/pacs/table\n%s", page, diff)
	}
}

func TestTestsAreFound(t *testing.T) {
	root := fstest.MapFS{
		"testing/e2e/life_test.go":                     {Data: []byte(`r := open(t, "life", nil)`)},
		"testing/e2e/room_test.go":                     {Data: []byte(`return openConfig(t, "../../examples/room")`)},
		"testing/e2e/hall_test.go":                     {Data: []byte(`openConfig(t, "testdata/hall", "hall", nil)`)},
		"testing/e2e/testdata/hall/main.viver.hcl":     {Data: []byte(`pac "x" { source = "builtin/scratch" }`)},
		"testing/e2e/testdata/hall/x.test.viver.hcl":   {Data: []byte(`pac "x" { source = "builtin/unknown" }`)},
		"testing/e2e/testdata/unused/main.viver.hcl":   {Data: []byte(`pac "x" { source = "builtin/slurm" }`)},
		"examples/room/main.viver.hcl":                 {Data: []byte(`pac "x" { source = "builtin/netboot" }`)},
		"pacs/scratch/scratch.test.viver.hcl":          {Data: []byte("")},
		"pacs/scratch/README.md":                       {Data: []byte("")},
		"testing/e2e/approval_test.go":                 {Data: []byte("source = \"builtin/tftp\"\n")},
		"testing/e2e/testdata/hall/other.viver.hcl":    {Data: []byte("")},
		"testing/e2e/testdata/hall/not_hcl_at_all.txt": {Data: []byte(`"builtin/time"`)},
	}
	table, err := makeTable(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"scratch": "[simulated](../pacs/scratch/scratch.test.viver.hcl), [hall](../testing/e2e/hall_test.go)",
		"marked":  "[hall](../testing/e2e/hall_test.go)",
		"tftp":    "[approval](../testing/e2e/approval_test.go), [life](../testing/e2e/life_test.go)",
		"nbd":     "[life](../testing/e2e/life_test.go)",
		"time":    "",
		"slurm":   "",
	} {
		if got := lastCell(t, string(table), name); got != want {
			t.Errorf("%s is tested in %q, want %q", name, got, want)
		}
	}
}

func lastCell(t *testing.T, table, pac string) string {
	t.Helper()
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| ["+pac+"]") {
			cells := strings.Split(strings.TrimSpace(line), " | ")
			return strings.TrimSpace(strings.TrimSuffix(cells[len(cells)-1], "|"))
		}
	}
	t.Fatalf("the table has no %s:\n%s", pac, table)
	return ""
}

func TestPageWithoutAPlace(t *testing.T) {
	if _, err := renewed(fstest.MapFS{}, []byte("# Pacs\n"+begin)); err == nil || !strings.Contains(err.Error(), "no place for the table") {
		t.Error(err)
	}
}
