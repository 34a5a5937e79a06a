package lang_test

import (
	"slices"
	"strings"
	"testing"

	"viver/planner/lang"
)

func TestAutoVarFiles(t *testing.T) {
	folder(t, "")
	for _, name := range []string{"b.auto.viver.vars", "a.auto.viver.vars.json", "c.viver.vars", ".d.auto.viver.vars", "boot/e.auto.viver.vars"} {
		write(t, name, "")
	}
	if got := lang.AutoVarFiles("."); !slices.Equal(got, []string{"a.auto.viver.vars.json", "b.auto.viver.vars"}) {
		t.Errorf("%v", got)
	}
	if got := lang.AutoVarFiles("none"); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// TestSecretInputs: what is wrong with the value of a sensitive variable is said without the value.
func TestSecretInputs(t *testing.T) {
	folder(t, `
variable "secret" {
  type      = map(number)
  sensitive = true
}
`)
	c, diags := lang.Load(".", lang.LoadOptions{Schemas: schemas()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, text := range []string{"hunter2", "[hunter2", `["hunter2"]`, "upper(hunter2)", `{ hunter2 = "x" }`} {
		_, diags := lang.NewEvaluator(c, []lang.Input{{Name: "secret", Text: text}})
		if !diags.HasErrors() || strings.Contains(diags.Error(), "hunter2") {
			t.Errorf("%s: %v", text, diags)
		}
	}
}
