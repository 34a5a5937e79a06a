package lang_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/planner/lang"
)

// TestFunctionsInDocumentation compares the end of docs/language.md with what Functions says; -update writes it.
func TestFunctionsInDocumentation(t *testing.T) {
	const page, heading = "../../docs/language.md", "\n## Functions\n"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(data), heading)
	intro, _, _ := strings.Cut(after, "\n### ")
	if !ok {
		t.Fatalf("%s has no heading%s", page, heading)
	}
	var b strings.Builder
	b.WriteString(before + heading + strings.TrimRight(intro, "\n") + "\n")
	group := ""
	for _, f := range lang.Functions() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, "\n### %s\n\n| function | |\n|---|---|\n", group)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", f.Signature, strings.NewReplacer("|", `\|`, "*", `\*`, "~", `\~`).Replace(f.Text))
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		data = []byte(b.String())
	}
	if d := cmp.Diff(string(data), b.String()); d != "" {
		t.Errorf("-have +want:\n%s", d)
	}
}

// TestFunctionSignatures compares what is said of functions' parameters with what they take.
func TestFunctionSignatures(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, f := range lang.Functions() {
		inner, ok := strings.CutSuffix(strings.TrimPrefix(f.Signature, f.Name+"("), ")")
		if !ok || f.Text == "" || f.Group == "" {
			t.Errorf("%q: %q", f.Signature, f.Text)
		}
		if f.Absent {
			continue
		}
		least := 0
		for _, p := range strings.Split(inner, ",") {
			if p = strings.TrimSpace(p); p != "" && !strings.HasPrefix(p, "[") && !strings.HasSuffix(p, "...") {
				least++
			}
		}
		if least == 0 {
			continue
		}
		_, diags := evaluateOutput(t, f.Name+"()")
		if !diags.HasErrors() {
			t.Errorf("%s takes no arguments, too", f.Signature)
		}
	}
}
