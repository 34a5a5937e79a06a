package planfile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

func basis() Basis {
	s := state.New("lineage", []byte("a key of thirty-two bytes, surely"))
	s.Serial = 7
	s.Instances["node.pc"] = &state.Instance{Addr: "node.pc", Type: "node"}
	return Basis{
		State:  s,
		Files:  map[string]*hcl.File{"room/main.viver.hcl": {Bytes: []byte(`variable "secret" {}`)}},
		Inputs: []lang.Input{{Name: "secret", Text: "Geheim1"}, {Name: "n", Value: cty.NumberIntVal(3)}},
		Types:  map[string]resource.Type{"node": node{}},
	}
}

type node struct{ resource.Type }

func (node) Schema() *resource.Schema {
	return &resource.Schema{Attributes: map[string]*resource.Attribute{
		"address": {Type: cty.String, Computed: true}, "token": {Type: cty.String, Computed: true, Sensitive: true},
	}}
}

func made() *plan.Plan {
	return &plan.Plan{Lineage: "lineage", Serial: 7, Seen: map[string]resource.Observation{
		"node.pc": {Status: resource.Drifted, Reason: "rebooted", Computed: map[string]cty.Value{
			"address": cty.StringVal("10.0.0.1"), "token": cty.StringVal("Geheim2"),
		}},
		"node.other": {},
	}}
}

func saved(t *testing.T) (*File, string) {
	t.Helper()
	f, err := Make("0.1.0", Scope{Targets: []string{"node.pc"}}, basis(), made())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "p.plan")
	if err := Write(path, f); err != nil {
		t.Fatal(err)
	}
	return f, path
}

func TestWhatIsSavedIsRead(t *testing.T) {
	f, path := saved(t)
	back, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, back); diff != "" {
		t.Error(diff)
	}
	seen, err := back.Observations()
	if err != nil || seen["node.pc"].Reason != "rebooted" || seen["node.pc"].Computed["address"] != cty.StringVal("10.0.0.1") {
		t.Error(seen, err)
	}
	if err := back.Check(basis()); err != nil {
		t.Error(err)
	}
	if err := back.Same(basis(), made()); err != nil {
		t.Error(err)
	}
}

func TestNothingSecretIsSaved(t *testing.T) {
	_, path := saved(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "Geheim") {
		t.Errorf("%s", data)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
}

func TestStalePlansAreRefused(t *testing.T) {
	f, _ := saved(t)
	for want, change := range map[string]func(*Basis){
		"another state":                           func(b *Basis) { b.State = state.New("other", b.State.Key()) },
		"had serial 7 and has 8":                  func(b *Basis) { b.State.Serial++ },
		"the configuration has changed":           func(b *Basis) { b.Files["room/main.viver.hcl"].Bytes = []byte(`variable "secret" { }`) },
		`a value for variable "secret"`:           func(b *Basis) { b.Inputs = b.Inputs[1:] },
		`another value for variable "secret"`:     func(b *Basis) { b.Inputs[0].Text = "Geheim3" },
		`without a value for variable "superman"`: func(b *Basis) { b.Inputs = append(b.Inputs, lang.Input{Name: "superman"}) },
	} {
		b := basis()
		change(&b)
		if err := f.Check(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	other := made()
	other.Destroy = true
	if err := f.Same(basis(), other); err == nil || !strings.Contains(err.Error(), "comes out otherwise") {
		t.Error(err)
	}
}

func TestWhatIsNoPlanIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "no plan of viver",
		`{"kind":"viver plan","format":2}`:       "another viver made it",
		`{"kind":"viver plan","format":1,"x`:     "no plan of viver",
		`{"kind":"viver plan","format":1,"x":1}`: "damaged",
		`{"kind":"viver plan","format":1,"seen":{"a":{"status":9}}}`:              "status 9",
		`{"kind":"viver plan","format":1,"seen":{"a":{"computed":{"b":"text"}}}}`: "no value",
	} {
		if _, err := decode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", text, want, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"kind":"viver plan","format":1,"lineage":"a","seen":{"node.pc":{"status":1,"computed":{"a":{"value":"x","type":"string"}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := decode(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		a, _ := file.Observations()
		b, _ := back.Observations()
		if len(a) != len(b) || file.Serial != back.Serial {
			t.Errorf("%v became %v", file, back)
		}
	})
}
