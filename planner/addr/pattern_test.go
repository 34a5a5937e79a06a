package addr_test

import (
	"testing"

	"viver/planner/addr"
)

func pattern(t *testing.T, s string) addr.Pattern {
	t.Helper()
	p, err := addr.ParsePattern(s)
	if err != nil {
		t.Fatal(err)
	}
	if p.String() != s {
		t.Errorf("%s is written as %s", s, p)
	}
	return p
}

func TestRename(t *testing.T) {
	for _, test := range []struct{ from, to, address, want string }{
		{"node.a", "node.b", "node.a", "node.b"},
		{"node.a", "node.b", `node.a["x"]`, `node.b["x"]`},
		{"node.a", "node.b", "pac.x.node.a", ""},
		{"node.a", "node.b", "node.c", ""},
		{"node.a", `node.a["x"]`, "node.a", `node.a["x"]`},
		{"node.a", `node.a["x"]`, `node.a["y"]`, ""},
		{"node.a[0]", "node.a", "node.a[0]", "node.a"},
		{"node.a[0]", "node.a", "node.a[1]", ""},
		{"step.file.a", "pac.x.step.file.b", "step.file.a[3]", "pac.x.step.file.b[3]"},
		{"pac.x.node.a", "node.a", "pac.x.node.a[1]", "node.a[1]"},
		{"pac.x.node.a", "node.a", `pac.x["k"].node.a[1]`, ""},
		{"pac.x", "pac.y", `pac.x["k"].pac.z.node.a[1]`, `pac.y["k"].pac.z.node.a[1]`},
		{"pac.x", `pac.y["k"]`, "pac.x.node.a[1]", `pac.y["k"].node.a[1]`},
		{"pac.x", `pac.y["k"]`, "pac.x[0].node.a[1]", ""},
		{`pac.x["k"].pac.z`, "pac.z", `pac.x["k"].pac.z[2].node.a`, "pac.z[2].node.a"},
		{"pac.x", "pac.y", "node.x", ""},
	} {
		a, err := addr.Parse(test.address)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := addr.Rename(a, pattern(t, test.from), pattern(t, test.to))
		if ok != (test.want != "") || ok && got.String() != test.want {
			t.Errorf("%s after %s -> %s: %s, %v, want %q", test.address, test.from, test.to, got, ok, test.want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, test := range []struct {
		pattern, address string
		want             bool
	}{
		{"node.a", "node.a[1]", true},
		{"node.a[1]", "node.a[1]", true},
		{"node.a[1]", "node.a[2]", false},
		{"pac.x", "pac.x[1].node.a", true},
		{"pac.x[1]", "pac.x[1].pac.y.node.a", true},
		{"pac.x[1]", "pac.x[2].node.a", false},
		{"node.a", "pac.x.node.a", false},
	} {
		a, err := addr.Parse(test.address)
		if err != nil {
			t.Fatal(err)
		}
		if got := pattern(t, test.pattern).Covers(a); got != test.want {
			t.Errorf("%s covers %s: %v", test.pattern, a, got)
		}
	}
}

func TestPatternErrors(t *testing.T) {
	for _, s := range []string{"", "pac", "pac.", "pac.x.", "pac.x[", "node", "pac.x.pac", "pac.x y", "node.a.b"} {
		if p, err := addr.ParsePattern(s); err == nil {
			t.Errorf("%q is %v", s, p)
		}
	}
}

func TestWithin(t *testing.T) {
	a, err := addr.Parse(`pac.x["k"].pac.y.node.a[1]`)
	if err != nil {
		t.Fatal(err)
	}
	above, inner, ok := a.Within([]string{"x"})
	if !ok || above.String() != `pac.x["k"]` || inner.String() != "pac.y.node.a[1]" || inner.Below(above).String() != a.String() {
		t.Errorf("%s, %s, %v", above, inner, ok)
	}
	for _, names := range [][]string{{"y"}, {"x", "y", "z"}} {
		if _, _, ok := a.Within(names); ok {
			t.Errorf("%s is within %v", a, names)
		}
	}
}
