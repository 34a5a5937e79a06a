package lang

import (
	"strings"
	"testing"
)

func TestTooDeep(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, maxOperators+1) }
	for name, text := range map[string]string{
		"sum":           "locals { a = " + many("1+") + "1 }",
		"sum in lines":  "locals { a = (" + many("1+\n") + "1) }",
		"not":           "locals { a = " + many("!") + "true }",
		"choice":        "locals { a = " + many("true?1:") + "1 }",
		"indexes":       "locals { a = local.b" + many("[local.c]") + " }",
		"splats":        "locals { a = local.b" + many(".*") + " }",
		"directives":    "locals { a = <<EOT\n" + many("%{if true}\n") + "EOT\n}",
		"parentheses":   "locals { a = " + strings.Repeat("(", maxNesting+1),
		"sums in calls": "locals { a = " + strings.Repeat(strings.Repeat("1+", maxOperators/100)+"abs(", 101),
	} {
		if d := checkText("f", []byte(text)); d == nil || d.Summary != "Nested too deep" || d.Subject.Filename != "f" {
			t.Errorf("%s: %v", name, d)
		}
	}
	for name, text := range map[string]string{
		"many arguments": "locals {\n" + many("  a = 1 + 2\n") + "}",
		"a long list":    "locals { a = [" + many("1+1, ") + "1] }",
		"a list of maps": "locals {\n  a = [\n" + many("    { a = -1 },\n") + "]\n}",
		"a long text":    "locals { a = <<EOT\n" + many("- one => two\n") + "EOT\n}",
		"JSON":           `{"locals": {"a": [` + many(`{"b": -1.5e+3}, `) + "1]}}",
		"comments":       many("# ----\n"),
	} {
		if d := checkText("f", []byte(text)); d != nil {
			t.Errorf("%s: %v", name, d)
		}
	}
}
