package imports_test

import (
	"os"
	"testing"

	"viver/testing/imports"
)

func TestImportsFollowTheRules(t *testing.T) {
	edges, err := imports.Edges(os.DirFS("../.."), "viver")
	if err != nil {
		t.Fatal(err)
	}
	if len(edges) == 0 {
		t.Fatal("no import was found: is this still the module's root?")
	}
	for _, e := range edges {
		if why := imports.Check(imports.Rules(), e); why != "" {
			t.Errorf("%s: %s must not import %s: %s", e.File, e.From, e.To, why)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"planner/plan", "planner/lang", true},
		{"planner/plan", "nodeimage/spec", false},
		{"nodeimage/agent", "nodeimage/spec", true},
		{"nodeimage/agent", "planner/resource", false},
		{"nodeimage/spec", "nodeimage/block", false},
		{"nodeimage/nbd", "nodeimage/nbd/kernel", true},
		{"providers/node", "planner/resource", true},
		{"providers/node", "planner/plan", false},
		{"pacs/dhcp", "nodeimage/agent", false},
		{"testing/e2e", "testing/lab", true},
		{"testing/lab", "nodeimage/spec", false},
		{"attic", "planner", false},
	} {
		got := imports.Check(imports.Rules(), imports.Edge{From: c.from, To: c.to}) == ""
		if got != c.allowed {
			t.Errorf("%s imports %s: allowed is %v, want %v", c.from, c.to, got, c.allowed)
		}
	}
}
