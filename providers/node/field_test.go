package node_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/node"
)

func machineObject(kind, name string) cty.Value {
	return object1(map[string]cty.Value{"kind": cty.StringVal(kind), "addr": cty.StringVal(kind + "." + name), "name": cty.StringVal(name)})
}

func pin(image, bytes, members cty.Value) cty.Value {
	return object1(map[string]cty.Value{"image": image, "range": bytes, "members": members})
}

// field is a block "field" of a node.
func field(memory string, replicas int64, pins ...cty.Value) map[string]cty.Value {
	block := map[string]cty.Value{
		"memory": cty.StringVal(memory), "replicas": cty.NumberIntVal(replicas), "deputy": cty.True,
		"prefer": cty.MapVal(map[string]cty.Value{"seed2": cty.NumberIntVal(4)}), "pin": cty.TupleVal(pins),
	}
	return map[string]cty.Value{"field": object1(block), "mac": cty.StringVal("52:54:00:12:34:56")}
}

// game is an image whose root ends within its 513th chunk.
func game() cty.Value {
	return object1(map[string]cty.Value{
		"kind": cty.StringVal("image"), "addr": cty.StringVal("image.game"), "id": cty.StringVal("sha256:game"), "size": cty.NumberIntVal(128<<20 + 1),
	})
}

func TestTheServerIsToldOfTheField(t *testing.T) {
	r := newRoom(t)
	m, _ := r.machine("pc01", "127.0.1.1")
	r.now(m)
	text, none := cty.StringVal, cty.NullVal(cty.String)
	seed, lab := machineObject("server", "seed"), machineObject("node", "lab")
	_, err := r.apply("pc01", "20s", field("25%", 2,
		pin(game(), text("300KiB-1MiB"), cty.TupleVal([]cty.Value{seed, text("pc02")})),
		pin(game(), text("100MiB-"), cty.ListVal([]cty.Value{lab})),
		pin(cty.NullVal(cty.DynamicPseudoType), none, seed)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var put spec.NodeSpec
	if err := json.Unmarshal(r.seed.Asked()[0].Args, &put); err != nil {
		t.Fatal(err)
	}
	want := &spec.FieldSpec{Memory: "25%", Replicas: 2, Deputy: true, Prefer: map[string]float64{"seed2": 4}, Pins: []spec.Pin{
		{Image: "sha256:game", Offset: 256 << 10, Length: 768 << 10, Members: []string{"seed", "pc02"}},
		{Image: "sha256:game", Offset: 100 << 20, Length: 28<<20 + spec.ChunkSize, Members: []string{"lab"}},
		{Image: image, Length: 1 << 50, Members: []string{"seed"}},
	}}
	if diff := cmp.Diff(want, put.Field); diff != "" {
		t.Error(diff)
	}
	for problem, p := range map[string]cty.Value{
		`field: pin: the range "200MiB-" is behind the end of image.game`: pin(game(), text("200MiB-"), seed),
		"field: pin: its members have no names":                           pin(game(), none, cty.EmptyTupleVal),
	} {
		if _, err := r.apply("pc01", "20s", field("25%", 2, p), nil); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("want an error with %q, got %v", problem, err)
		}
	}
}

// The checks are those that refuse a configuration, with file and line.
func TestFieldIsChecked(t *testing.T) {
	block := new(node.Type).Schema().Blocks["field"]
	number, text := cty.NumberFloatVal, cty.StringVal
	factors := func(f float64) cty.Value { return cty.MapVal(map[string]cty.Value{"seed2": number(f)}) }
	for _, c := range []struct {
		argument  *resource.Attribute
		good, bad []cty.Value
	}{
		{block.Attributes["memory"], []cty.Value{text("25%"), text("512MiB")}, []cty.Value{text(""), text("95%"), text("much")}},
		{block.Attributes["replicas"], []cty.Value{number(1), number(16)}, []cty.Value{number(0), number(17), number(1.5), number(-1)}},
		{
			block.Attributes["prefer"],
			[]cty.Value{factors(4), factors(0.5)},
			[]cty.Value{factors(0), factors(-1), factors(1e6), cty.MapVal(map[string]cty.Value{"a b": number(1)}), cty.MapVal(map[string]cty.Value{"a": cty.NullVal(cty.Number)})},
		},
		{
			block.Blocks["pin"].Attributes["range"],
			[]cty.Value{text("0-64MiB"), text("1.5MiB - 2GiB"), text("64MiB-")},
			[]cty.Value{text("64MiB"), text("-64MiB"), text("2MiB-1MiB"), text("1MiB-1MiB"), text("0-25%"), text("0-9e99"), text("a-b")},
		},
		{
			block.Blocks["pin"].Attributes["members"],
			[]cty.Value{text("pc01"), machineObject("server", "seed"), cty.TupleVal([]cty.Value{text("pc01"), machineObject("server", "seed")})},
			[]cty.Value{cty.EmptyTupleVal, text("a b"), cty.TupleVal([]cty.Value{text("")})},
		},
	} {
		for _, v := range c.good {
			if err := c.argument.Check(v); err != nil {
				t.Error(err)
			}
		}
		for _, v := range c.bad {
			if c.argument.Check(v) == nil {
				t.Errorf("%s: %#v is taken", c.argument.Doc, v)
			}
		}
	}
}

// A name that any machine can take would give the servers' keys to any machine.
func TestADeputyNeedsAMAC(t *testing.T) {
	refused := new(node.Type).Schema().Check
	r := newRoom(t)
	with := func(deputy, mac cty.Value) cty.Value {
		block := object1(map[string]cty.Value{"deputy": deputy})
		return r.config("pc01", "20s", map[string]cty.Value{"field": block, "mac": mac})
	}
	none, some := cty.NullVal(cty.String), cty.StringVal("52:54:00:12:34:56")
	for _, good := range []cty.Value{
		r.config("pc01", "20s", nil),
		r.config("pc01", "20s", map[string]cty.Value{"field": cty.NullVal(cty.EmptyObject)}),
		with(cty.True, some), with(cty.True, cty.UnknownVal(cty.String)), with(cty.False, none), with(cty.UnknownVal(cty.Bool), none),
	} {
		if err := refused(good); err != nil {
			t.Errorf("%#v: %v", good, err)
		}
	}
	if err := refused(with(cty.True, none)); err == nil || !strings.Contains(err.Error(), `any machine can take the name "pc01": set its mac`) {
		t.Error(err)
	}
	// Where it was not known when the plan was made, the server is told nothing.
	block := field("25%", 2)
	block["mac"] = none
	if _, err := r.apply("pc01", "20s", block, nil); err == nil || !strings.Contains(err.Error(), "set its mac") || len(r.seed.Asked()) > 0 {
		t.Errorf("%v, and the server was asked %v", err, r.seed.Asked())
	}
}

func TestConsequenceOfTheField(t *testing.T) {
	seed := machineObject("server", "seed")
	config := func(block map[string]cty.Value) cty.Value {
		attrs := map[string]cty.Value{"boot": object1(map[string]cty.Value{"image": object1(map[string]cty.Value{"id": cty.StringVal("one")})})}
		for name, v := range block {
			attrs[name] = v
		}
		return object1(attrs)
	}
	none := cty.NullVal(cty.DynamicPseudoType)
	now := field("25%", 2, pin(game(), none, cty.TupleVal([]cty.Value{seed, cty.StringVal("pc02")})))
	// As it is remembered, what is referred to is an address.
	kept := field("25%", 2, pin(cty.StringVal("image.game"), none, cty.TupleVal([]cty.Value{cty.StringVal("server.seed"), cty.StringVal("pc02")})))
	kept["image_id"] = cty.StringVal("one")
	for _, c := range []struct {
		block map[string]cty.Value
		want  string
	}{
		{now, ""},
		{nil, "takes effect when it reboots"},
		{field("30%", 2), "takes effect when it reboots"},
		{field("25%", 2, pin(game(), none, cty.TupleVal([]cty.Value{seed}))), "takes effect when it reboots"},
	} {
		if got := new(node.Type).Consequence(resource.Modification{Config: config(c.block), Prior: object1(kept)}); got != c.want {
			t.Errorf("%v: %q, want %q", c.block, got, c.want)
		}
	}
}
