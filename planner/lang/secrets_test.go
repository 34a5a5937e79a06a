package lang_test

import (
	"slices"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
)

func TestSensitiveTexts(t *testing.T) {
	secret := func(v cty.Value) cty.Value { return v.Mark(lang.Sensitive) }
	v := cty.ObjectVal(map[string]cty.Value{
		"open":   cty.StringVal("everybody may see this"),
		"key":    secret(cty.StringVal("-----BEGIN\nabcdef\nxy\n")),
		"number": cty.ListVal([]cty.Value{secret(cty.NumberIntVal(987654)), cty.NumberIntVal(123456)}),
		"deep":   secret(cty.ObjectVal(map[string]cty.Value{"a": cty.TupleVal([]cty.Value{cty.StringVal("inner"), cty.True, cty.NullVal(cty.String)})})),
		"short":  secret(cty.StringVal("abc")),
		"later":  secret(cty.UnknownVal(cty.String)),
		"none":   secret(cty.NullVal(cty.String)),
		"other":  cty.StringVal("marked otherwise").Mark("else"),
	})
	got := lang.SensitiveTexts(v)
	slices.Sort(got)
	got = slices.Compact(got)
	want := []string{"-----BEGIN", "-----BEGIN\nabcdef\nxy", "987654", "abcdef", "inner"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
