package addr_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"viver/planner/addr"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text  string
		want  addr.Instance
		group string
	}{
		{`server.seed`, addr.Instance{Type: "server", Name: "seed"}, `server.seed`},
		{`node.pc[0]`, addr.Instance{Type: "node", Name: "pc", Key: addr.Number(0)}, `node.pc`},
		{`node.pc["a.b]\"c"]`, addr.Instance{Type: "node", Name: "pc", Key: addr.Text(`a.b]"c`)}, `node.pc`},
		{`step.file.motd`, addr.Instance{Type: "step.file", Name: "motd"}, `step.file.motd`},
		{
			`pac.boot.pac.dhcp["x"].step.unit.dhcp["seed"]`,
			addr.Instance{
				Module: addr.Module{{Name: "boot"}, {Name: "dhcp", Key: addr.Text("x")}},
				Type:   "step.unit", Name: "dhcp", Key: addr.Text("seed"),
			},
			`pac.boot.pac.dhcp["x"].step.unit.dhcp`,
		},
	}
	for _, test := range tests {
		got, err := addr.Parse(test.text)
		if err != nil {
			t.Errorf("Parse: %v", err)
			continue
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("Parse(%s) = %#v, want %#v", test.text, got, test.want)
		}
		if got.String() != test.text || got.Group() != test.group {
			t.Errorf("String %s, Group %s, want %s, %s", got.String(), got.Group(), test.text, test.group)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:              `"" is not a name`,
		`node`:          `want a dot and a name before ""`,
		`node.`:         `"" is not a name`,
		`node.1`:        `"1" is not a name`,
		`node.pc[`:      `want a number or a quoted string`,
		`node.pc[01]`:   `want a number or a quoted string`,
		`node.pc[-1]`:   `want a number or a quoted string`,
		"node.pc[`a`]":  `want a number or a quoted string`,
		`node.pc["a"`:   `want ] after the key`,
		`node.pc[0][1]`: `"[1]" follows its end`,
		`node.pc.x`:     `".x" follows its end`,
		`pac.boot`:      `names a Pac, not an instance`,
		`step.file`:     `want a dot and a name`,
		`step`:          `type of a step`,
		`node.pc[` + strings.Repeat("9", 40) + `]`: `want a number`,
	} {
		_, err := addr.Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want an error with %q", text, err, want)
		}
	}
}

func TestOrder(t *testing.T) {
	want := []string{
		`image.desk`,
		`node.pc`,
		`node.pc[2]`,
		`node.pc[10]`,
		`node.pc["pc02"]`,
		`node.pc["pc2"]`,
		`node.pc["pc10"]`,
		`node.pc2`,
		`node.pc10`,
		`pac.a.step.file.x`,
		`pac.a[1].node.x`,
		`pac.a[1].pac.b.node.x`,
		`pac.a10.node.x`,
	}
	var got []addr.Instance
	for _, i := range rand.New(rand.NewPCG(3, 4)).Perm(len(want)) {
		a, err := addr.Parse(want[i])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a)
	}
	slices.SortFunc(got, addr.Compare)
	for i, a := range got {
		if a.String() != want[i] {
			t.Errorf("place %d: %s, want %s", i, a, want[i])
		}
	}
}

func TestChildSharesNothing(t *testing.T) {
	parent := make(addr.Module, 0, 4).Child("a", addr.Key{})
	x, y := parent.Child("x", addr.Key{}), parent.Child("y", addr.Number(1))
	if x.String() != "pac.a.pac.x" || y.String() != "pac.a.pac.y[1]" {
		t.Errorf("%s, %s", x, y)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`node.pc[0]`, `pac.a["x"].step.file.y["\u00e9"]`, `node.pc["\xff"]`, `step.x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := addr.Parse(text)
		if err != nil {
			return
		}
		again, err := addr.Parse(a.String())
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Errorf("%q: %#v became %#v: %v", text, a, again, err)
		}
		if addr.Compare(a, again) != 0 {
			t.Errorf("%s is not equal to itself", a)
		}
	})
}

func FuzzNatural(f *testing.F) {
	f.Add("pc2", "pc10", "pc02")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, bc, ac := addr.Natural(a, b), addr.Natural(b, c), addr.Natural(a, c)
		if ab != -addr.Natural(b, a) {
			t.Errorf("Natural(%q, %q) = %d, and the other way round %d", a, b, ab, addr.Natural(b, a))
		}
		if ab == 0 && a != b {
			t.Errorf("%q and %q count as equal", a, b)
		}
		if ab < 0 && bc < 0 && ac >= 0 {
			t.Errorf("%q < %q < %q, but not the first before the last", a, b, c)
		}
	})
}
