package lang_test

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestErrorsDeepWithin: an error deep within an expression is found once. Evaluating each layer again for its message, as each layer does
// that fails itself, took twice as long for every one more.
func TestErrorsDeepWithin(t *testing.T) {
	deep := func(open, inner, end string) string {
		return strings.Repeat(open, 100) + inner + strings.Repeat(end, 100)
	}
	for expression, want := range map[string]string{
		deep("abs(", "local.b", ")"):            "number required, but have tuple",
		deep("", "local.b", "[local.zero]"):     "main.viver.hcl:4",
		deep("try(", "local.b.x", ")"):          "main.viver.hcl:4",
		deep("[for x in ", "local.b.x", ": x]"): "main.viver.hcl:4",
	} {
		main := "locals {\n  b = [[1]]\n  zero = 0\n  a = " + expression + "\n}\n"
		got := evaluate(t, []txtar.File{{Name: "main.viver.hcl", Data: []byte(main)}})
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s", expression[:20], got)
		}
	}
}
