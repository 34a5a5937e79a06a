package plan_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"viver/planner/apply"
	"viver/planner/lang"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
	"viver/planner/ui"
)

var update = flag.Bool("update", false, "write the golden plans anew")

// TestGolden plays the stories in testdata. A story is a folder of files in txtar form: common files, and for each of its chapters 1,
// 2, ... N.viver.hcl (the configuration; without one everything is destroyed), N.seen (how things are found: lines ADDRESS STATUS
// REASON), N.options (words --target ADDR, --exclude ADDR, --replace ADDR, --refresh-only) and N.plan (what the plan must look like,
// and in which order it would be carried out). Each chapter's plan is applied. The words in the file secrets must not get into the
// state. N.state has lines ADDRESS ARGUMENT VALUE that the state then says, in HCL; an ADDRESS alone is not in it.
func TestGolden(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatal("no stories", err)
	}
	for _, path := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { play(t, path) })
	}
}

func play(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*txtar.File{}
	for i := range archive.Files {
		files[archive.Files[i].Name] = &archive.Files[i]
	}
	dir := t.TempDir()
	for chapter := 1; files[fmt.Sprintf("%d.plan", chapter)] != nil; chapter++ {
		want := files[fmt.Sprintf("%d.plan", chapter)]
		got := play1(t, dir, chapter, files)
		if *update {
			want.Data = []byte(got)
		} else if diff := cmp.Diff(string(want.Data), got); diff != "" {
			t.Errorf("chapter %d:\n%s\nthe plan is\n%s", chapter, diff, got)
		}
	}
	noSecrets(t, dir, files["secrets"])
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// noSecrets looks through the state for strings that must not be there.
func noSecrets(t *testing.T, dir string, secrets *txtar.File) {
	kept, err := filepath.Glob(filepath.Join(dir, state.Folder, "*"))
	if err != nil || len(kept) == 0 {
		t.Fatal("no state", err)
	}
	for _, path := range kept {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for secret := range strings.FieldsSeq(string(fileData(secrets))) {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s has the secret %q", path, secret)
			}
		}
	}
}

func fileData(f *txtar.File) []byte {
	if f == nil {
		return nil
	}
	return f.Data
}

// play1 plans and applies one chapter, and returns the plan as text.
func play1(t *testing.T, dir string, chapter int, files map[string]*txtar.File) string {
	store, err := state.Open(filepath.Join(dir, state.Folder), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	known := types(observations(t, files[fmt.Sprintf("%d.seen", chapter)]))
	var evaluator *lang.Evaluator
	o := plan.Options{State: store.State(), Types: known, Refresh: true}
	options(t, &o, files[fmt.Sprintf("%d.options", chapter)])
	make := func() (*plan.Plan, hcl.Diagnostics) { return plan.Destroy(t.Context(), o) }
	if main := files[fmt.Sprintf("%d.viver.hcl", chapter)]; main != nil {
		config := load(t, filepath.Join(dir, fmt.Sprint(chapter)), main.Data, files)
		o.Config = func() (plan.Walker, hcl.Diagnostics) {
			var diags hcl.Diagnostics
			evaluator, diags = lang.NewEvaluator(config, nil)
			return evaluator, diags
		}
		make = func() (*plan.Plan, hcl.Diagnostics) { return plan.Make(t.Context(), o) }
	}
	p, diags := make()
	var out bytes.Buffer
	view := ui.NewHuman(ui.Options{Out: &out, Types: known})
	if diags.HasErrors() {
		view.Diagnostics(diags, nil) // without snippets: they would show the temporary folder
		return strings.ReplaceAll(out.String(), dir+"/", "")
	}
	view.Plan(p, "")
	order(&out, p)
	if len(p.Changes) == 0 {
		return out.String()
	}
	result, err := apply.Run(t.Context(), apply.Options{Plan: p, Store: store, Config: evaluator, Types: known})
	if err != nil || result.Failed() {
		t.Fatalf("chapter %d: %v, %+v", chapter, err, result)
	}
	remembered(t, store, files[fmt.Sprintf("%d.state", chapter)])
	return out.String()
}

func remembered(t *testing.T, store *state.Store, want *txtar.File) {
	for line := range strings.Lines(string(fileData(want))) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		i := store.Instance(fields[0])
		if len(fields) == 1 || i == nil {
			if len(fields) != 1 || i != nil {
				t.Errorf("the state has %s: %v", fields[0], i != nil)
			}
			continue
		}
		if got := ui.Format(ui.Output{Value: i.Inputs.GetAttr(fields[1])}); got != fields[2] {
			t.Errorf("%s of %s is %s in the state, not %s", fields[1], fields[0], got, fields[2])
		}
	}
}

func options(t *testing.T, o *plan.Options, file *txtar.File) {
	words := strings.Fields(string(fileData(file)))
	for i := 0; i < len(words); i++ {
		lists := map[string]*[]string{"--target": &o.Targets, "--exclude": &o.Exclude, "--replace": &o.Replace}
		switch list := lists[words[i]]; {
		case list != nil:
			i++
			*list = append(*list, words[i])
		case words[i] == "--refresh-only":
			o.RefreshOnly = true
		default:
			t.Fatalf("option %q", words[i])
		}
	}
}

func load(t *testing.T, dir string, main []byte, files map[string]*txtar.File) *lang.Config {
	for name, f := range files {
		if strings.Contains(name, "/") { // of a Pac
			write(t, filepath.Join(dir, name), f.Data)
		}
	}
	write(t, filepath.Join(dir, "main.viver.hcl"), main)
	config, diags := lang.Load(dir, lang.LoadOptions{Schemas: schemas})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return config
}

func write(t *testing.T, path string, data []byte) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func observations(t *testing.T, file *txtar.File) map[string]resource.Observation {
	all := map[string]resource.Observation{}
	if file == nil {
		return all
	}
	words := map[string]resource.ObservedStatus{"drifted": resource.Drifted, "absent": resource.Absent, "unreachable": resource.Unreachable}
	for line := range strings.Lines(string(file.Data)) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		status, ok := words[fields[1]]
		if !ok {
			t.Fatalf("status %q", fields[1])
		}
		all[fields[0]] = resource.Observation{Status: status, Reason: append(fields, "")[2]}
	}
	return all
}

// order writes the vertices in their order, each with those that it waits for.
func order(out *bytes.Buffer, p *plan.Plan) {
	if len(p.Vertices) > 0 {
		fmt.Fprintln(out, "\nOrder:")
	}
	for n, v := range p.Vertices {
		fmt.Fprintf(out, "%d", n)
		if len(v.After) > 0 {
			fmt.Fprintf(out, " after %v", v.After)
		}
		if v.Group != "" {
			fmt.Fprintf(out, " limited")
		}
		if v.Machine != "" {
			fmt.Fprintf(out, " session on %s", v.Machine)
		}
		sep := ":"
		for _, m := range v.Members {
			fmt.Fprintf(out, "%s %s %s", sep, m.Action, p.Changes[m.Change].Addr)
			sep = ","
		}
		for _, b := range v.Baked {
			fmt.Fprintf(out, ", with %s", p.Changes[b].Addr)
		}
		for _, f := range v.Forgets {
			fmt.Fprintf(out, ", forget %s", p.Changes[f].Addr)
		}
		fmt.Fprintln(out)
	}
	for _, group := range slices.Sorted(maps.Keys(p.Rollouts)) {
		fmt.Fprintf(out, "%s: %+v\n", group, p.Rollouts[group])
	}
}
