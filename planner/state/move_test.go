package state

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

// room is a state in which things refer to one another.
func room(t *testing.T) *State {
	t.Helper()
	s := New("L", NewKey())
	secret := func(where string) cty.Value {
		d, err := s.Digest(where, cty.StringVal("secret"))
		if err != nil {
			t.Fatal(err)
		}
		return cty.StringVal(d)
	}
	put := func(at, machine string, inputs map[string]cty.Value, depends ...string) {
		i, err := readdressed(&Instance{Type: strings.TrimPrefix(at[:strings.LastIndex(at, ".")], "pac.boot."), Status: Complete, Inputs: cty.ObjectVal(inputs)}, at)
		if err != nil {
			t.Fatal(err)
		}
		i.Machine, i.Depends = machine, depends
		i.Refs = map[string]map[string]string{"on": {}}
		if machine != "" {
			i.Refs["on"][machine] = "digest of " + machine
		}
		s.Instances[at] = i
	}
	boot := cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal("pac.boot"), "l": cty.TupleVal([]cty.Value{cty.StringVal("node.pc[1]")})})
	put("server.seed", "", map[string]cty.Value{"address": cty.StringVal("10.0.0.1")})
	put("pac.boot.step.unit.dhcp", "server.seed", map[string]cty.Value{"on": cty.StringVal("server.seed")}, "server.seed")
	put("node.pc[0]", "", map[string]cty.Value{"boot": boot}, "node.pc[1]", "pac.boot.step.unit.dhcp")
	put("node.pc[1]", "", map[string]cty.Value{"boot": cty.StringVal("pac.boot")}, "pac.boot.step.unit.dhcp")
	put("node.pc2", "", map[string]cty.Value{"note": cty.StringVal("node.pc[1]")})
	put("step.file.motd[1]", "node.pc[1]", map[string]cty.Value{"on": cty.StringVal("node.pc[1]"), "content": secret("step.file.motd[1]/content")}, "node.pc[1]", "server.seed")
	return s
}

func addresses(s *State) []string { return Sorted(maps.Keys(s.Instances)) }

func TestMoveTakesReferencesAlong(t *testing.T) {
	s := room(t)
	before := text(t, s)
	next, moved, err := s.Move("node.pc[1]", `node.lab["a/b"]`)
	if err != nil {
		t.Fatal(err)
	}
	if text(t, s) != before {
		t.Error("the state itself was changed")
	}
	if diff := cmp.Diff([]Renamed{{"node.pc[1]", `node.lab["a/b"]`}}, moved); diff != "" {
		t.Error(diff)
	}
	i := next.Instance(`node.lab["a/b"]`)
	if i.Group != "node.lab" || i.Key.AsString() != "a/b" {
		t.Errorf("%+v", i)
	}
	step := next.Instance("step.file.motd[1]")
	if step.Machine != i.Addr || step.Depends[0] != i.Addr || step.Refs["on"][i.Addr] != "digest of node.pc[1]" || step.Inputs.GetAttr("on").AsString() != i.Addr {
		t.Errorf("%+v", step)
	}
	if next.Instance("node.pc2").Inputs.GetAttr("note").AsString() != "node.pc[1]" {
		t.Error("a text that is no reference was changed")
	}
}

func TestMoveOfABlockAndOfAPac(t *testing.T) {
	s := room(t)
	next, moved, err := s.Move("node.pc", "node.room")
	if err != nil || len(moved) != 2 {
		t.Fatal(moved, err)
	}
	next, moved, err = next.Move("pac.boot", `pac.net["x"]`)
	if err != nil || len(moved) != 1 {
		t.Fatal(moved, err)
	}
	want := []string{"node.pc2", "node.room[0]", "node.room[1]", "server.seed", "step.file.motd[1]", `pac.net["x"].step.unit.dhcp`}
	if diff := cmp.Diff(want, addresses(next)); diff != "" {
		t.Error(diff)
	}
	boot := next.Instance("node.room[0]").Inputs.GetAttr("boot")
	if got := boot.GetAttr("a").AsString() + " " + boot.GetAttr("l").Index(cty.Zero).AsString(); got != `pac.net["x"] node.room[1]` {
		t.Errorf("references are %s", got)
	}
	back, _, err := next.Move(`pac.net["x"]`, "pac.boot")
	if err == nil {
		back, _, err = back.Move("node.room", "node.pc")
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text(t, s), text(t, back)); diff != "" {
		t.Errorf("there and back again:\n%s", diff)
	}
}

func TestDigestsOutliveAMove(t *testing.T) {
	s := room(t)
	kept := s.Instance("step.file.motd[1]").Inputs.GetAttr("content").AsString()
	next, _, err := s.Move("step.file.motd", "step.file.text")
	if err == nil {
		next, _, err = next.Move("step.file.text[1]", `step.file.text["a/b"]`)
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := Encode(next)
	if err != nil {
		t.Fatal(err)
	}
	if next, err = Decode(data, s.Key()); err != nil {
		t.Fatal(err)
	}
	if got, err := next.Digest(`step.file.text["a/b"]/content`, cty.StringVal("secret")); err != nil || got != kept {
		t.Errorf("%s, %v; want %s", got, err, kept)
	}
}

func TestMoveRefuses(t *testing.T) {
	for _, c := range [][3]string{
		{"node.pc[7]", "node.x", "nothing has the address or the name node.pc[7]"},
		{"node.pc[0]", "node.pc[1]", "there already"},
		{"node.pc[0]", "server.x", "cannot become"},
		{"node.pc", "node.x[0]", "follows its end"},
		{"pac.boot", "node.x", "not both Pacs"},
		{"node.pc", "node.pc", "where it is"},
		{"node", "node.x", "means node.pc[0], node.pc[1]"},
		{"node.pc[0]", "node.", "not a name"},
		{"", "", "not a name"},
	} {
		if _, _, err := room(t).Move(c[0], c[1]); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s to %s: %v, want %q", c[0], c[1], err, c[2])
		}
	}
}

func TestWithoutKeepsTheOrderOfTheRest(t *testing.T) {
	s := room(t)
	next, gone, err := s.Without("pac.boot")
	if err != nil || !slices.Equal(gone, []string{"pac.boot.step.unit.dhcp"}) {
		t.Fatal(gone, err)
	}
	if got := next.Instance("node.pc[0]").Depends; !slices.Equal(got, []string{"node.pc[1]", "server.seed"}) {
		t.Errorf("a node depends on %v", got)
	}
	if s.Instance("node.pc[1]").Depends[0] != "pac.boot.step.unit.dhcp" {
		t.Error("the state itself was changed")
	}
	_, gone, err = s.Without("node.pc")
	if want := []string{"node.pc[0]", "node.pc[1]", "step.file.motd[1]"}; err != nil || !slices.Equal(gone, want) {
		t.Errorf("%v, %v", gone, err)
	}
	if _, _, err := s.Without("node.pc", "node.none"); err == nil {
		t.Error("what is not there was forgotten")
	}
}
