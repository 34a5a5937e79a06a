package simulate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/resource"
	"viver/planner/simulate"
)

// real is a type that must not be touched.
type real struct {
	resource.Type
	name   string
	schema *resource.Schema
}

func (r real) Name() string             { return r.name }
func (r real) Schema() *resource.Schema { return r.schema }

type realStep struct{ real }

func (realStep) ApplyBatch(context.Context, resource.Batch, func(int, map[string]cty.Value, error)) {
	panic("the real type was used")
}

type realServer struct{ real }

func (realServer) Import(context.Context, resource.ImportRequest) (map[string]cty.Value, error) {
	panic("the real type was used")
}

var schemas = map[string]resource.Type{
	"node": real{name: "node", schema: &resource.Schema{Attributes: map[string]*resource.Attribute{
		"name":    {Type: cty.String},
		"timeout": {Type: cty.String},
		"boot_id": {Type: cty.String, Computed: true, From: []string{}},
		"address": {Type: cty.String, Computed: true, From: []string{}},
		"label":   {Type: cty.String, Computed: true, From: []string{"name"}},
		"cores":   {Type: cty.Number, Computed: true},
		"disks":   {Type: cty.List(cty.Object(map[string]cty.Type{"size": cty.Number})), Computed: true},
	}}},
	"server": realServer{real{name: "server", schema: &resource.Schema{Attributes: map[string]*resource.Attribute{
		"name": {Type: cty.String, Computed: true, From: []string{}},
	}}}},
	"step.file": realStep{real{name: "step.file", schema: &resource.Schema{Attributes: map[string]*resource.Attribute{"path": {Type: cty.String}}}}},
}

// world is a simulated world with its types.
type world struct {
	*testing.T
	*simulate.World
	types map[string]resource.Type
}

func newWorld(t *testing.T, mocks ...simulate.Mock) world {
	w := &simulate.World{Mocks: mocks}
	return world{t, w, w.Types(schemas)}
}

func node(name, timeout string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(name), "timeout": cty.StringVal(timeout), "addr": cty.StringVal("node.pc")})
}

func (w world) apply(config cty.Value) map[string]cty.Value {
	w.Helper()
	computed, err := w.types["node"].Apply(w.Context(), resource.ApplyRequest{Addr: "node.pc", Config: config})
	if err != nil {
		w.Fatal(err)
	}
	return computed
}

func (w world) step(m resource.Member, kept ...resource.Member) (err error) {
	m.Addr, m.Type, m.Config = "step.file.x", "file", cty.EmptyObjectVal
	w.types["step.file"].(resource.Batcher).ApplyBatch(w.Context(), resource.Batch{Machine: node("a", "1"), Members: []resource.Member{m}, Kept: kept},
		func(_ int, _ map[string]cty.Value, e error) { err = e })
	return err
}

func (w world) read(kind, at string, prior cty.Value) resource.Observation {
	return w.types[kind].(resource.Reader).Read(w.Context(), []resource.ReadRequest{{Addr: at, Prior: prior}})[0]
}

func pattern(t *testing.T, text string) []addr.Pattern {
	t.Helper()
	p, err := addr.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return []addr.Pattern{p}
}

// What is made up is always the same, and changes with what the schema says it follows from.
func TestValuesFollowTheSchema(t *testing.T) {
	first := newWorld(t).apply(node("a", "1"))
	w := newWorld(t)
	again := w.apply(node("a", "1"))
	for name, v := range first {
		if !v.RawEquals(again[name]) {
			t.Errorf("%s is %#v and %#v", name, v, again[name])
		}
	}
	changed := func(after map[string]cty.Value) (names []string) {
		for name, v := range after {
			if !v.RawEquals(again[name]) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	if got := changed(w.apply(node("a", "2"))); !slices.Equal(got, []string{"cores", "disks"}) {
		t.Errorf("with another timeout %v changed", got)
	}
	if got := changed(w.apply(node("b", "1"))); !slices.Equal(got, []string{"cores", "disks", "label"}) {
		t.Errorf("with another name %v changed", got)
	}
	if !first["disks"].Type().IsListType() || first["cores"].Type() != cty.Number {
		t.Errorf("values have other types: %#v", first)
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	if err := w.Happen(simulate.Events{Gone: pattern(t, "node.pc")}); err == nil {
		t.Error("something happened to nothing")
	}
	computed := w.apply(node("a", "1"))
	prior := cty.ObjectVal(computed)
	if err := w.step(resource.Member{Action: resource.Create}); err != nil {
		t.Fatal(err)
	}
	onNode := cty.ObjectVal(map[string]cty.Value{"on": node("a", "1")})
	for _, test := range []struct {
		name         string
		events       simulate.Events
		node, onNode resource.ObservedStatus
		found        string // computed attributes that are other ones
	}{
		{"nothing", simulate.Events{}, resource.Present, resource.Present, ""},
		{"unreachable", simulate.Events{Unreachable: pattern(t, "node.pc")}, resource.Unreachable, resource.Unreachable, ""},
		{"drifted", simulate.Events{Drifted: pattern(t, "step.file.x")}, resource.Present, resource.Drifted, ""},
		{"rebooted", simulate.Events{Rebooted: pattern(t, "node.pc")}, resource.Present, resource.Drifted, "boot_id"},
		{"gone", simulate.Events{Gone: pattern(t, "node.pc")}, resource.Absent, resource.Absent, ""},
	} {
		if err := w.Happen(test.events); err != nil {
			t.Fatal(err)
		}
		n, s := w.read("node", "node.pc", prior), w.read("step.file", "step.file.x", onNode)
		found := ""
		for name := range n.Computed {
			found += name
		}
		if n.Status != test.node || s.Status != test.onNode || found != test.found {
			t.Errorf("%s: the node is %v with new %q, the step %v", test.name, n.Status, found, s.Status)
		}
	}
	if left := w.Left(); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestObstacles(t *testing.T) {
	w := newWorld(t)
	if err := w.step(resource.Member{Action: resource.Create}); err == nil || !strings.Contains(err.Error(), "node.pc is not there") {
		t.Errorf("a step on a node that is not there: %v", err)
	}
	w.apply(node("a", "1"))
	if err := w.step(resource.Member{Action: resource.Create}, resource.Member{Addr: "step.file.other"}); err == nil || !strings.Contains(err.Error(), "taken for granted") {
		t.Errorf("a step beside one that is not there: %v", err)
	}
	if err := w.Happen(simulate.Events{Failing: pattern(t, "step.file.x")}); err != nil {
		t.Fatal(err)
	}
	if err := w.step(resource.Member{Action: resource.Create}); err == nil || !strings.Contains(err.Error(), "the test wants it") {
		t.Errorf("a failing step: %v", err)
	}
	if err := w.Happen(simulate.Events{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.step(resource.Member{Action: resource.Create}), w.step(resource.Member{Action: resource.Replace}), w.step(resource.Member{Action: resource.Delete})); err != nil {
		t.Error(err)
	}
	if left := w.Left(); !slices.Equal(left, []string{"node.pc"}) {
		t.Errorf("there is %v", left)
	}
}

func TestMocks(t *testing.T) {
	mock := func(name string, v cty.Value) map[string]cty.Value { return map[string]cty.Value{name: v} }
	w := newWorld(t, simulate.Mock{Type: "node", Values: mock("address", cty.StringVal("10.0.0.1"))},
		simulate.Mock{Of: pattern(t, "node.pc")[0], Values: mock("cores", cty.StringVal("4"))},
		simulate.Mock{Of: pattern(t, "node.other")[0], Values: mock("cores", cty.NumberIntVal(9))})
	got := w.apply(node("a", "1"))
	if !got["address"].RawEquals(cty.StringVal("10.0.0.1")) || !got["cores"].RawEquals(cty.NumberIntVal(4)) {
		t.Errorf("got %#v", got)
	}
	for want, m := range map[string]simulate.Mock{
		`no computed attribute "name"`:  {Type: "node", Values: mock("name", cty.StringVal("x"))},
		`there is no type "nobody"`:     {Type: "nobody"},
		"cores of node":                 {Type: "node", Values: mock("cores", cty.StringVal("many"))},
		`no computed attribute "facts"`: {Of: pattern(t, "node.pc")[0], Values: mock("facts", cty.EmptyObjectVal)},
	} {
		if err := m.Check(schemas); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check: %v, want an error with %q", err, want)
		}
	}
}

// TestImport: what a configuration takes over is there; the types of which there is no import have none here.
func TestImport(t *testing.T) {
	w := newWorld(t)
	found, err := w.types["server"].(resource.Importer).Import(t.Context(), resource.ImportRequest{Addr: "server.seed", ID: "10.0.0.1", Config: cty.EmptyObjectVal})
	if err != nil || !strings.HasPrefix(found["name"].AsString(), "name-") || !slices.Equal(w.Left(), []string{"server.seed"}) {
		t.Errorf("%v %v, left %v", found, err, w.Left())
	}
	for _, name := range []string{"node", "step.file"} {
		if _, ok := w.types[name].(resource.Importer); ok {
			t.Errorf("%s can be imported", name)
		}
	}
}
