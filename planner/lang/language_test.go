package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
	"viver/planner/resource"
)

// Whatever is described can be written: nothing of it is an unknown argument or block, and what is required is missed.
func TestLanguageIsAsDescribed(t *testing.T) {
	schemas := map[string]*resource.Schema{
		"node":      {Attributes: map[string]*resource.Attribute{"name": {Type: cty.String}}},
		"step.file": {Attributes: map[string]*resource.Attribute{"path": {Type: cty.String}}},
	}
	var text strings.Builder
	for _, w := range lang.LanguageBlocks() {
		writeWord(&text, w, "")
	}
	writeWord(&text, lang.Word{Name: "node", Labels: []string{"x"}, Words: lang.ResourceWords("node")}, "")
	writeWord(&text, lang.Word{Name: `step "file"`, Labels: []string{"x"}, Words: lang.ResourceWords("step.file")}, "")
	if diags := loaded(t, schemas, text.String()); strings.Contains(diags, "Unsupported") || strings.Contains(diags, "Missing required") {
		t.Errorf("%s\n%s", diags, text.String())
	}
	for _, w := range lang.LanguageBlocks() {
		empty := lang.Word{Name: w.Name, Labels: w.Labels}
		text.Reset()
		writeWord(&text, empty, "")
		for _, inner := range w.Words {
			diags := loaded(t, schemas, text.String())
			if missed := strings.Contains(diags, fmt.Sprintf("%q is required", inner.Name)) || strings.Contains(diags, "needs a "+inner.Name); inner.Required != missed {
				t.Errorf("%s.%s: required %v, but %s", w.Name, inner.Name, inner.Required, diags)
			}
		}
	}
}

func writeWord(b *strings.Builder, w lang.Word, indent string) {
	if !w.IsBlock() {
		fmt.Fprintf(b, "%s%s = null\n", indent, w.Name)
		return
	}
	b.WriteString(indent + w.Name)
	for _, label := range w.Labels {
		fmt.Fprintf(b, " %q", label)
	}
	b.WriteString(" {\n")
	for _, inner := range w.Words {
		writeWord(b, inner, indent+"  ")
	}
	b.WriteString(indent + "}\n")
}

func loaded(t *testing.T, schemas map[string]*resource.Schema, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.viver.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, diags := lang.Load(dir, lang.LoadOptions{Schemas: schemas})
	var b strings.Builder
	for _, d := range diags {
		fmt.Fprintln(&b, d)
	}
	return b.String()
}
