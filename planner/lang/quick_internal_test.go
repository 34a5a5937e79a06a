package lang

import (
	"math"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// operands are values of all sorts, by the names that expressions have for them.
func operands() map[string]cty.Value {
	list := cty.ListVal([]cty.Value{cty.NumberIntVal(1), cty.NumberIntVal(20), cty.NumberIntVal(300)})
	return map[string]cty.Value{
		"one": cty.NumberIntVal(1), "minus": cty.NumberIntVal(-7), "zero": cty.Zero, "half": cty.NumberFloatVal(0.5),
		"big": cty.MustParseNumberVal("9007199254740993"), "huge": cty.MustParseNumberVal("123456789012345678901234567890"), "float": cty.NumberFloatVal(1 << 60),
		"nought": cty.NumberFloatVal(math.Copysign(0, -1)), "third": cty.MustParseNumberVal("0.3333333333333333333333"),
		"inf": cty.PositiveInfinity, "less": cty.NegativeInfinity, "digits": cty.StringVal("42"), "word": cty.StringVal("wörd"), "empty": cty.StringVal(""),
		"yes": cty.True, "nothing": cty.NullVal(cty.Number), "none": cty.NullVal(cty.DynamicPseudoType), "what": cty.DynamicVal, "unknown": cty.UnknownVal(cty.Number),
		"text": cty.UnknownVal(cty.String), "secret": cty.StringVal("hush").Mark(Sensitive), "marked": cty.NumberIntVal(5).Mark(dependency(3)),
		"list": list, "set": cty.SetVal([]cty.Value{cty.StringVal("b"), cty.StringVal("a")}), "tuple": cty.TupleVal([]cty.Value{cty.StringVal("x"), cty.NumberIntVal(2)}),
		"map": cty.MapVal(map[string]cty.Value{"k": cty.StringVal("v")}), "object": cty.ObjectVal(map[string]cty.Value{"a": cty.True}),
		"no": cty.EmptyTupleVal, "secrets": cty.TupleVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b").Mark(Sensitive)}),
		"whole": list.Mark(Sensitive), "later": cty.UnknownVal(cty.List(cty.String)), "part": cty.ListVal([]cty.Value{cty.StringVal("a"), cty.UnknownVal(cty.String)}),
		"nulls": cty.ListVal([]cty.Value{cty.StringVal("a"), cty.NullVal(cty.String)}),
	}
}

// TestQuickWaysComeToTheSame evaluates expressions with and without the quick ways, for all pairs of operands.
func TestQuickWaysComeToTheSame(t *testing.T) {
	values := operands()
	ctx := &hcl.EvalContext{Variables: values, Functions: map[string]function.Function{"join": stdlib.JoinFunc, "length": stdlib.LengthFunc, "upper": stdlib.UpperFunc, "concat": stdlib.ConcatFunc}}
	for a := range values {
		for b := range values {
			for _, text := range []string{
				a + " + " + b, a + " - " + b, a + " * " + b, `"${` + a + `}-${` + b + `}"`, `"%{ if yes }${` + a + `}%{ endif } ${~ ` + b + ` ~} ."`,
				"[for x in " + a + " : x]", "[for x in " + a + " : [for y in " + b + ` : "${x}${y}"]]`, "[for x in " + a + " : x * " + b + "]",
				`join("-", [for x in ` + a + ` : "${x}"])`, `join("-", ` + a + ", [" + b + "])", "length([" + a + ", " + b + "])", `upper("a${` + a + `}b")`,
				`join("", concat([` + a + "], " + b + "))", `{ "${` + a + `}" = ` + b + " }",
			} {
				compare(t, text, ctx)
			}
		}
	}
}

func compare(t *testing.T, text string, ctx *hcl.EvalContext) {
	t.Helper()
	parse := func() hclsyntax.Expression {
		x, diags := hclsyntax.ParseExpression([]byte(text), "x", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(text, diags)
		}
		return x
	}
	want, wantDiags := parse().Value(ctx)
	got, gotDiags := keepMarks(parse()).Value(ctx)
	if wantDiags.HasErrors() != gotDiags.HasErrors() {
		t.Errorf("%s: %v, not %v", text, gotDiags, wantDiags)
		return
	}
	if wantDiags.HasErrors() {
		if wantDiags[0].Summary != gotDiags[0].Summary {
			t.Errorf("%s: %v, not %v", text, gotDiags, wantDiags)
		}
		return
	}
	if !want.IsWhollyKnown() { // there may be more marks: those that hcl loses
		want, _ = want.UnmarkDeep()
		got, _ = got.UnmarkDeep()
	}
	if !got.RawEquals(want) {
		t.Errorf("%s is %#v, not %#v", text, got, want)
	}
}
