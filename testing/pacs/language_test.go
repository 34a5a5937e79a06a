package pacs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	pacstep "viver/pacs/step"
	"viver/planner/lang"
	"viver/providers/step"
)

// The page about the language lists all types of steps, and its examples of them are right.
func TestStepsInTheLanguagesPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n## Steps\n")
	text, _, _ = strings.Cut(text, "\n## ")
	table, rest, _ := strings.Cut(text, "\n```hcl\n")
	example, _, ok := strings.Cut(rest, "\n```\n")
	if !ok {
		t.Fatal("there is no example")
	}
	for _, typ := range pacstep.Types() {
		if !strings.Contains(table, "`"+typ.Name+"`") {
			t.Errorf("the type %s is not in the table", typ.Name)
		}
	}
	count := 0
	check(t, evaluate(t, room+`variable "ada" { default = "!" }`+"\n"+example, func(i *lang.Instance, v cty.Value) {
		stepType, isStep := strings.CutPrefix(i.Type, "step.")
		if !isStep || stepType == "unit" || stepType == "image" {
			return
		}
		count++
		if _, err := step.Document(i.Addr.String(), stepType, v); err != nil {
			t.Error(err)
		}
	}))
	if count < 10 {
		t.Errorf("only %d steps", count)
	}
}
