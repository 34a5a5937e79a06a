package console_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"viver/planner/console"
)

// values is an Evaluator of some values.
type values map[string]cty.Value

func (v values) Ask(x hcl.Expression, _ map[string]cty.Value) (cty.Value, hcl.Diagnostics) {
	return x.Value(&hcl.EvalContext{Variables: v, Functions: map[string]function.Function{"upper": stdlib.UpperFunc, "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType))}})
}

var world = values{
	"unknown": cty.UnknownVal(cty.Number),
	"secret":  cty.StringVal("s3cr3t").Mark("sensitive"),
	"pc": cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal("pc1"), "key with space": cty.NullVal(cty.String), "password": cty.StringVal("s3cr3t").Mark("sensitive"), "id": cty.UnknownVal(cty.String),
	}),
}

func talk(t *testing.T, input string, asJSON bool) (output string, failed bool) {
	t.Helper()
	var b strings.Builder
	lines := bufio.NewScanner(strings.NewReader(input))
	c := console.Console{Evaluator: world, Out: &b, JSON: asJSON, ReadLine: func(bool) (string, error) {
		if !lines.Scan() {
			return "", io.EOF
		}
		return lines.Text(), nil
	}, Diagnostics: func(diags hcl.Diagnostics, _ map[string]*hcl.File) { fmt.Fprintf(&b, "! %s\n", diags[0].Summary) }}
	failed, err := c.Run()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "s3cr3t") {
		t.Errorf("a secret is shown: %s", b.String())
	}
	return b.String(), failed
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct{ input, want string }{
		{"1 + 1", "2\n"},
		{"\n\n  \"a\"  \n", "\"a\"\n"},
		{"upper(\n\"a\"\n)\n2", "\"A\"\n2\n"},
		{"<<EOT\na\nEOT\n", "\"a\\n\"\n"},
		{"[1, [], {}, {a = 1}]", "[\n  1,\n  [],\n  {},\n  {\n    a = 1\n  },\n]\n"},
		{"toset([\"b\", \"a\"])", "toset([\n  \"a\",\n  \"b\",\n])\n"},
		{"unknown", "(known after apply)\n"},
		{"secret", "(sensitive value)\n"},
		{"\"${secret}!\"", "(sensitive value)\n"},
		{"pc", "{\n  id               = (known after apply)\n  \"key with space\" = null\n  name             = \"pc1\"\n  password         = (sensitive value)\n}\n"},
		{"type([1, \"a\"])", "tuple([number,string])\n"},
		{"type(unknown)", "number\n"},
		{"exit\n1", ""},
		{"help", console.Help},
	} {
		if got, failed := talk(t, test.input, false); got != test.want || failed {
			t.Errorf("%q: %q, failed %v, want %q", test.input, got, failed, test.want)
		}
	}
}

// After an error it goes on.
func TestErrors(t *testing.T) {
	for _, test := range []struct{ input, want string }{
		{"nobody\n1", "! Unknown variable\n1\n"},
		{"1 +\n2", "! Missing expression\n2\n"},
		{"[1", "! Unterminated tuple constructor expression\n"},
		{strings.Repeat("[", 1000) + "\n1", "! Nested too deep\n1\n"},
		{"\xff\n1", "! Not a text\n1\n"},
		{"upper([])\n1", "! Invalid function argument\n1\n"},
	} {
		if got, failed := talk(t, test.input, false); got != test.want || !failed {
			t.Errorf("%q: %q, failed %v, want %q", test.input, got, failed, test.want)
		}
	}
}

func TestJSON(t *testing.T) {
	got, _ := talk(t, "{a = [1]}\nunknown\npc\ntype(1)", true)
	want := `{"type":"object({a=tuple([number])})","value":{"a":[1]}}
{"type":"number","unknown":true}
{"sensitive":true,"type":"object({id=string,\"key with space\"=string,name=string,password=string})"}
{"type":"string","value":"number"}
`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzConsole(f *testing.F) {
	f.Add("[1,\n2]\n<<E\nE\n${\"")
	f.Fuzz(func(t *testing.T, input string) { talk(t, input, false) })
}
