package lang_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
)

const asked = `
variable "rooms" { default = ["a", "b"] }
variable "word" {
  default   = "secret"
  sensitive = true
}
locals { both = join("+", var.rooms) }
`

func evaluated(t *testing.T, text string) *lang.Evaluator {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.viver.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, diags := lang.Load(dir, lang.LoadOptions{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if want := []string{"var.rooms", "var.word", "local.both"}; !slices.Equal(config.Names(), want) {
		t.Errorf("Names = %v, want %v", config.Names(), want)
	}
	e, diags := lang.NewEvaluator(config, nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if diags := e.Walk(t.Context(), func(*lang.Instance, lang.Object) (cty.Value, hcl.Diagnostics) { return cty.EmptyObjectVal, nil }); diags.HasErrors() {
		t.Fatal(diags)
	}
	return e
}

func TestAsk(t *testing.T) {
	e := evaluated(t, asked)
	more := map[string]cty.Value{"output": cty.ObjectVal(map[string]cty.Value{"x": cty.StringVal("X")}), "local": cty.EmptyObjectVal}
	for text, want := range map[string]cty.Value{
		`upper(var.rooms[1])`:             cty.StringVal("B"),
		`[for r in var.rooms : output.x]`: cty.TupleVal([]cty.Value{cty.StringVal("X"), cty.StringVal("X")}),
		`var.word`:                        cty.StringVal("secret").Mark(lang.Sensitive),
		`"${var.word}!"`:                  cty.StringVal("secret!").Mark(lang.Sensitive),
	} {
		x, diags := hclsyntax.ParseExpression([]byte(text), "<asked>", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if got, diags := e.Ask(x, more); diags.HasErrors() || !got.RawEquals(want) {
			t.Errorf("%s = %#v, %v, want %#v", text, got, diags, want)
		}
	}
	for text, want := range map[string]string{
		`var.roms`:      `Did you mean "var.rooms"?`,
		`nobody.x`:      `nothing called "nobody"`,
		`each.key`:      "each",
		`upper([])`:     "string",
		`var.rooms[17]`: "index",
	} {
		x, diags := hclsyntax.ParseExpression([]byte(text), "<asked>", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if _, diags := e.Ask(x, more); !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", text, diags, want)
		}
	}
}
