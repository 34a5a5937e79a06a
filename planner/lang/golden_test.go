package lang_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
	"viver/planner/resource"
)

var update = flag.Bool("update", false, "write what was found to the golden files")

// TestGolden reads archives of testdata: configuration files, perhaps a file "vars" with variables, files under builtin/ for Pacs that
// come with viver, and "want": the diagnostics, or all instances in order, each with the arguments that are not null and the instances on
// which it depends; then outputs and checks.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			name, err := filepath.Abs(name)
			if err != nil {
				t.Fatal(err)
			}
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
			if want < 0 {
				a.Files, want = append(a.Files, txtar.File{Name: "want"}), len(a.Files)
			}
			got := evaluate(t, a.Files[:want])
			if *update {
				a.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(a.Files[want].Data), got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// evaluate writes the files to a folder, evaluates what they say, and describes it.
func evaluate(t *testing.T, files []txtar.File) string {
	t.Helper()
	t.Chdir(t.TempDir())
	builtin := fstest.MapFS{}
	for _, f := range files {
		if name, ok := strings.CutPrefix(f.Name, "builtin/"); ok {
			builtin[name] = &fstest.MapFile{Data: f.Data}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	e, ok := load(&b, builtin)
	if !ok {
		return b.String()
	}
	w := &walker{b: &b}
	diags := e.Walk(context.Background(), w.visit)
	if writeDiags(&b, diags); diags.HasErrors() {
		return b.String()
	}
	writeMoves(&b, e)
	outputs, diags := e.Outputs()
	writeDiags(&b, diags)
	for _, name := range sortedKeys(outputs) {
		fmt.Fprintf(&b, "output %s = %s\n", name, text(outputs[name].Value))
	}
	checks, diags := e.Checks()
	writeDiags(&b, diags)
	for _, c := range checks {
		fmt.Fprintf(&b, "%s: %s %s\n", c.Name, [...]string{"unknown", "passed", "failed:"}[c.Status], c.Message)
	}
	return b.String()
}

func writeMoves(b *strings.Builder, e *lang.Evaluator) {
	for _, m := range e.Moved() {
		fmt.Fprintf(b, "moved %s -> %s\n", m.From, m.To)
	}
	for _, r := range e.Removed() {
		fmt.Fprintf(b, "removed %s, destroy %v\n", r.From, r.Destroy)
	}
	imports, diags := e.Imports()
	for _, i := range imports {
		fmt.Fprintf(b, "import %s: %q\n", i.To, i.ID)
	}
	writeDiags(b, diags)
}

func load(b *strings.Builder, builtin fs.FS) (*lang.Evaluator, bool) {
	c, diags := lang.Load(".", lang.LoadOptions{Schemas: schemas(), Builtin: builtin, Version: "0.1.3-dev"})
	if writeDiags(b, diags); diags.HasErrors() {
		return nil, false
	}
	var inputs []lang.Input
	if _, err := os.Stat("vars"); err == nil {
		inputs, diags = lang.ReadVarFile("vars")
		if writeDiags(b, diags); diags.HasErrors() {
			return nil, false
		}
	}
	e, diags := lang.NewEvaluator(c, inputs)
	writeDiags(b, diags)
	return e, !diags.HasErrors()
}

// walker describes each instance and adds computed attributes, which are all unknown.
type walker struct {
	b     *strings.Builder
	names []string
}

func (w *walker) visit(i *lang.Instance, o lang.Object) (cty.Value, hcl.Diagnostics) {
	w.names = append(w.names, i.Addr.String())
	if i.Number != len(w.names)-1 {
		fmt.Fprintf(w.b, "NUMBER %d, want %d\n", i.Number, len(w.names)-1)
	}
	fmt.Fprintf(w.b, "%s\n", i.Addr)
	if i.Machine != "" {
		fmt.Fprintf(w.b, "    (on %s %s)\n", i.MachineKind, i.Machine)
	}
	attrs := o.Value.AsValueMap()
	for _, name := range sortedKeys(attrs) {
		if v := attrs[name]; !v.IsNull() && !(v.IsKnown() && !v.IsMarked() && v.CanIterateElements() && v.LengthInt() == 0) {
			fmt.Fprintf(w.b, "    %s = %s\n", name, text(v))
		}
	}
	var depends []string
	for n := range o.Depends.All() {
		depends = append(depends, w.names[n])
	}
	if len(depends) > 0 {
		fmt.Fprintf(w.b, "    <- %s\n", strings.Join(depends, " "))
	}
	w.writeLifecycle(o.Lifecycle)
	for name, a := range schemas()[i.Type].Attributes {
		if a.Computed {
			attrs[name] = cty.UnknownVal(a.Type)
		}
	}
	return cty.ObjectVal(attrs), nil
}

func (w *walker) writeLifecycle(l lang.Lifecycle) {
	if l.Protect || l.IgnoreAll || len(l.Ignore) > 0 {
		fmt.Fprintf(w.b, "    protect %v, ignore %v, all %v\n", l.Protect, l.Ignore, l.IgnoreAll)
	}
	for _, by := range l.ReplacedBy {
		fmt.Fprintf(w.b, "    replaced by %q of", by.Attribute)
		for n := range by.Instances.All() {
			fmt.Fprintf(w.b, " %s", w.names[n])
		}
		fmt.Fprintln(w.b)
	}
}

// text renders a value on one line; references by their addresses.
func text(v cty.Value) string {
	if v.IsMarked() {
		v, marks := v.Unmark()
		for m := range marks {
			if m != any(lang.Sensitive) {
				return fmt.Sprintf("MARK %#v", m)
			}
		}
		return "sensitive(" + text(v) + ")"
	}
	switch ty := v.Type(); {
	case v.IsNull():
		return "null"
	case !v.IsKnown():
		return "?"
	case ty == cty.String:
		return fmt.Sprintf("%q", v.AsString())
	case ty == cty.Number:
		return v.AsBigFloat().Text('f', -1)
	case ty == cty.Bool:
		return fmt.Sprint(v.True())
	case ty.IsObjectType() && ty.HasAttribute("kind") && ty.HasAttribute("addr"):
		return "<" + v.GetAttr("addr").AsString() + ">"
	case ty.IsObjectType() || ty.IsMapType():
		var parts []string
		for k, e := range v.Elements() {
			parts = append(parts, k.AsString()+": "+text(e))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		var parts []string
		for _, e := range v.AsValueSlice() {
			parts = append(parts, text(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
}

func writeDiags(b *strings.Builder, diags hcl.Diagnostics) {
	for _, d := range diags {
		where := ""
		if d.Subject != nil {
			where = d.Subject.String() + ": "
		}
		if d.Severity == hcl.DiagWarning {
			where += "Warning: "
		}
		fmt.Fprintf(b, "%s%s\n    %s\n", where, d.Summary, d.Detail)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// schemas are like the real ones, and have one of everything that a schema can have.
func schemas() map[string]*resource.Schema {
	text := func() *resource.Attribute { return &resource.Attribute{Type: cty.String} }
	need := func() *resource.Attribute { return &resource.Attribute{Type: cty.String, Required: true} }
	found := func() *resource.Attribute { return &resource.Attribute{Type: cty.String, Computed: true} }
	texts := func() *resource.Attribute { return &resource.Attribute{Type: cty.List(cty.String)} }
	initially := func(s string) *resource.Attribute {
		return &resource.Attribute{Type: cty.String, Default: cty.StringVal(s)}
	}
	refer := func(kinds ...string) *resource.Attribute {
		return &resource.Attribute{Type: cty.DynamicPseudoType, Refers: kinds}
	}
	type attrs = map[string]*resource.Attribute
	type blocks = map[string]*resource.Block
	return map[string]*resource.Schema{
		"network": {Attributes: attrs{"cidr": {Type: cty.List(cty.String), Required: true}, "interface": text()}},
		"image":   {Attributes: attrs{"from": need(), "packages": texts(), "id": found()}, Bakes: true},
		"server": {
			Attributes: attrs{"address": need(), "data_dir": initially("/var/lib/viver"), "host_key": found()},
			Blocks: blocks{"ssh": {Single: true, Schema: resource.Schema{
				Attributes: attrs{"host": need(), "user": initially("root"), "key": {Type: cty.String, Sensitive: true}},
			}}},
		},
		"node": {
			Attributes: attrs{"name": need(), "boot": refer("pac"), "mac": text(), "server": refer("server"), "ip": found()},
			Blocks: blocks{
				"health": {Single: true, Schema: resource.Schema{Attributes: attrs{"units": texts()}}},
				"pin": {Schema: resource.Schema{Attributes: attrs{
					"image": refer("image"), "members": {Type: cty.DynamicPseudoType, Refers: []string{"server", "node"}, Names: true},
				}}},
				"disk": {Schema: resource.Schema{
					Attributes: attrs{"device": need(), "size": {Type: cty.Number}},
					Blocks:     blocks{"part": {Schema: resource.Schema{Attributes: attrs{"label": need()}}}},
				}},
			},
		},
		"step.file":   {Attributes: attrs{"path": need(), "content": text(), "source": {Type: cty.String, File: true}, "mode": initially("0644"), "digest": found()}},
		"step.either": {Attributes: attrs{"one": text(), "other": text()}, AnyOf: []string{"one", "other"}},
		"step.unit": {
			Attributes: attrs{"name": need(), "type": need(), "peers": refer("node", "server")},
			Blocks:     blocks{"listen": {Required: true, Schema: resource.Schema{Attributes: attrs{"on": refer("network")}}}},
		},
	}
}
