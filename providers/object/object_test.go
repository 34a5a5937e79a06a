package object_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"viver/providers/object"
)

func example() cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"name":    cty.StringVal("pc01"),
		"count":   cty.NumberIntVal(3),
		"nothing": cty.NullVal(cty.String),
		"later":   cty.UnknownVal(cty.String),
		"yes":     cty.True,
		"factors": cty.MapVal(map[string]cty.Value{"a": cty.NumberFloatVal(0.5), "b": cty.NullVal(cty.Number)}),
		"list":    cty.TupleVal([]cty.Value{cty.StringVal("a"), cty.NumberIntVal(1), cty.StringVal("b")}),
		"boot":    cty.ObjectVal(map[string]cty.Value{"server": cty.ObjectVal(map[string]cty.Value{"address": cty.StringVal("10.20.0.1")})}),
	})
}

func TestRead(t *testing.T) {
	v := example()
	if got := object.String(v, "boot", "server", "address"); got != "10.20.0.1" {
		t.Errorf("%q", got)
	}
	for _, names := range [][]string{{"nothing"}, {"later"}, {"count"}, {"absent"}, {"boot", "absent", "x"}, {"name", "x"}} {
		if got := object.String(v, names...); got != "" {
			t.Errorf("%v reads as %q", names, got)
		}
	}
	if object.Int(v, "count") != 3 || object.Int(v, "name") != 0 {
		t.Error("Int")
	}
	if diff := cmp.Diff([]string{"a", "b"}, object.Strings(v, "list")); diff != "" {
		t.Error(diff)
	}
	if n := len(object.Elements(v, "list")); n != 3 {
		t.Errorf("%d elements", n)
	}
	if diff := cmp.Diff(map[string]float64{"a": 0.5}, object.Numbers(v, "factors")); diff != "" || object.Numbers(v, "boot") != nil {
		t.Error("Numbers", diff)
	}
	if !object.Bool(v, "yes") || object.Bool(v, "count") || object.Bool(v, "nothing") {
		t.Error("Bool")
	}
	if object.String(cty.NilVal, "x") != "" || object.String(cty.NullVal(cty.DynamicPseudoType), "x") != "" {
		t.Error("nothing reads as something")
	}
}

func TestJSON(t *testing.T) {
	got, err := object.JSON(example(), "later", "boot", "yes", "factors")
	if err != nil || string(got) != `{"count":3,"list":["a",1,"b"],"name":"pc01"}` {
		t.Errorf("%s %v", got, err)
	}
	if _, err := object.JSON(example()); err == nil {
		t.Error("an unknown value has JSON")
	}
	back, err := object.FromJSON(struct {
		A int `json:"a"`
	}{2})
	if err != nil || object.Int(back, "a") != 2 {
		t.Errorf("%#v %v", back, err)
	}
}
