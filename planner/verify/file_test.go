package verify_test

import (
	"strings"
	"testing"

	"viver/planner/verify"
)

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                              "No runs",
		`run "a b" {}`:                  "is not a name",
		"run \"a\" {}\nrun \"a\" {}":    "There is a run \"a\" already",
		`run "a" { command = destroy }`: "plan or apply",
		"run \"a\" {\nassert { condition = true }\n}":  "error_message",
		`run "a" { expect_failures = ["var.x"] }`:      "expect_failures lists",
		`run "a" { expect_failures = var.x }`:          "list",
		"run \"a\" {\nworld { gone = \"node.pc\" }\n}": "gone is a list of addresses",
		"run \"a\" {\nworld { gone = [1] }\n}":         "gone is a list of addresses",
		"run \"a\" {\nworld { gone = [\"node\"] }\n}":  "want a dot and a name",
		"run \"a\" {\nworld { exploded = [] }\n}":      "exploded",
		"variables {}\nvariables {}\nrun \"a\" {}":     "one block variables",
		"mock \"node\" { values = 1 }\nrun \"a\" {}":   "values is an object",
		"lab { bios = -1 }\nrun \"a\" {}":              "bios is a whole number",
		"lab { bios = 0.5 }\nrun \"a\" {}":             "bios is a whole number",
		"lab {}\nlab {}\nrun \"a\" {}":                 "one block lab",
		"x = 1\nrun \"a\" {}":                          "Unsupported argument",
		"\x00":                                         "UTF-8",
		`run "a" {`:                                    "Unclosed",
	} {
		_, diags := verify.Parse("x.test.viver.hcl", []byte(text))
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, diags, want)
		}
	}
}

func TestParse(t *testing.T) {
	f, diags := verify.Parse("rooms/x.test.viver.hcl", []byte(`
lab { bios = 2 }
mock "node.pc" { values = { cores = 4 } }
mock "step.fact" { values = { value = "x" } }
mock "step.fact.disk" { values = {} }
run "a" { command = plan }
run "b" { expect_failures = [check.few, node.pc[0]] }
`))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if f.Dir != "rooms" || len(f.Runs) != 2 || !f.Runs[0].PlanOnly || f.Runs[1].PlanOnly || *f.Lab != (verify.Lab{BIOS: 2, MemoryMB: 1024}) {
		t.Errorf("%+v", f)
	}
	if m := f.Mocks; len(m) != 3 || m[0].Of.Name != "pc" || m[1].Type != "step.fact" || m[2].Of.Name != "disk" {
		t.Errorf("%+v", m)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("mock \"node\" { values = { a = [1] } }\nrun \"a\" { world { gone = [\"node.pc[0]\"] } }\nnode \"x\" {}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, diags := verify.Parse("x.test.viver.hcl", data); file == nil && !diags.HasErrors() {
			t.Error("neither a file nor an error")
		}
	})
}
