package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/apply"
	"viver/planner/plan"
	"viver/planner/resource"
)

func TestCollapse(t *testing.T) {
	for want, addresses := range map[string]string{
		`node.pc`:                           `node.pc`,
		`node.pc[0]`:                        `node.pc[0]`,
		`node.pc[0, 1]`:                     `node.pc[1] node.pc[0]`,
		`node.pc[0..3, 7]`:                  `node.pc[2] node.pc[7] node.pc[0] node.pc[1] node.pc[3]`,
		`node.pc[pc01..pc03, pc9]`:          `node.pc["pc01"] node.pc["pc02"] node.pc["pc03"] node.pc["pc9"]`,
		`node.pc[pc8..pc10]`:                `node.pc["pc8"] node.pc["pc9"] node.pc["pc10"]`,
		`node.pc[a, b, c, d, e and 2 more]`: `node.pc["a"] node.pc["b"] node.pc["c"] node.pc["d"] node.pc["e"] node.pc["f"] node.pc["g"]`,
		`node.pc[0], step.file.motd[0..2]`:  `node.pc[0] step.file.motd[0] step.file.motd[1] step.file.motd[2]`,
	} {
		var list []addr.Instance
		for a := range strings.FieldsSeq(addresses) {
			list = append(list, parse(t, a))
		}
		if got := collapse(list); got != want {
			t.Errorf("%s became %s, want %s", addresses, got, want)
		}
	}
}

func parse(t *testing.T, s string) addr.Instance {
	t.Helper()
	a, err := addr.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// creation is a plan that creates these instances, each on its own.
func creation(t *testing.T, addresses ...string) *plan.Plan {
	p := &plan.Plan{}
	for i, a := range addresses {
		at := parse(t, a)
		p.Changes = append(p.Changes, &plan.Change{Addr: at, Number: i, Type: at.Type, Action: resource.Create})
		p.Vertices = append(p.Vertices, plan.Vertex{Members: []plan.Member{{Change: i, Action: resource.Create}}})
	}
	return p
}

// TestLiveBlock follows one block of progress over time.
func TestLiveBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := creation(t, `image.desk`, `node.pc["pc01"]`, `node.pc["pc02"]`, `node.pc["pc03"]`)
		h := NewHuman(Options{Out: &out, Live: true, Width: 120}).(*human)
		h.plan = p
		say := func(change int, kind apply.EventKind, progress resource.Progress, err error) {
			h.Event(apply.Event{Kind: kind, Change: p.Changes[change], Action: resource.Create, Progress: progress, Err: err})
		}
		say(0, apply.Started, resource.Progress{}, nil)
		say(0, apply.Progressed, resource.Progress{Detail: "74 MB, 1,186 chunks"}, nil)
		time.Sleep(112 * time.Second)
		say(0, apply.Ended, resource.Progress{}, nil)
		for n := 1; n <= 3; n++ {
			say(n, apply.Started, resource.Progress{}, nil)
			say(n, apply.Progressed, resource.Progress{Stage: "kernel"}, nil)
		}
		say(1, apply.Progressed, resource.Progress{Stage: "root"}, nil)
		time.Sleep(2 * time.Second)
		say(2, apply.Progressed, resource.Progress{Stage: "joined"}, nil)
		say(2, apply.Ended, resource.Progress{}, nil)
		time.Sleep(10*time.Second + refresh/2)
		synctest.Wait()
		screen := show(out.String())
		want := []string{
			"image.desk   created in 1m52s   74 MB, 1,186 chunks",
			"node.pc      1 of 3 created   [kernel 1 | root 1 | joined 1]   slowest: pc01 in root for 12s",
			"  then pc03 in kernel for 12s",
		}
		if diff := cmp.Diff(want, screen); diff != "" {
			t.Error(diff)
		}
		say(1, apply.Ended, resource.Progress{}, errors.New("no\x1bc route\nmore"))
		time.Sleep(refresh)
		synctest.Wait()
		want = []string{want[0], "node.pc      1 of 3 created, 1 failed   [kernel 1 | root 1 | joined 1]   slowest: pc03 in kernel for 12s", "failed: node.pc[pc01]: no c route"}
		if diff := cmp.Diff(want, show(out.String())); diff != "" {
			t.Error(diff)
		}
		say(3, apply.Ended, resource.Progress{}, nil)
		h.Close()
		want = []string{want[0], "node.pc      2 created, 1 failed in 12s"}
		if diff := cmp.Diff(want, show(out.String())); diff != "" {
			t.Error(diff)
		}
	})
}

// show is what a terminal shows after these bytes, of which the only sequences are "so many lines up" and "clear to the end".
func show(output string) []string {
	var screen []string
	for line := range strings.Lines(output) {
		for strings.HasPrefix(line, "\x1b[") {
			up, rest, _ := strings.Cut(strings.TrimPrefix(line, "\x1b["), "A\x1b[J")
			n := int(up[0] - '0')
			screen, line = screen[:len(screen)-n], rest
		}
		if text := strings.TrimSuffix(line, "\n"); text != "" {
			screen = append(screen, text)
		}
	}
	return screen
}

func TestTerminalDoesNotObeyMachines(t *testing.T) {
	p := creation(t, `node.pc[0]`)
	for _, live := range []bool{true, false} {
		var out bytes.Buffer
		h := NewHuman(Options{Out: &out, Live: live, Width: 80})
		h.(*human).plan = p
		failure := errors.New("a step failed\n\x1b]0;title\a")
		for _, e := range []apply.Event{
			{Kind: apply.Started}, {Kind: apply.Progressed, Progress: resource.Progress{Stage: "\x1bc", Detail: "\u009b31m", Output: true}}, {Kind: apply.Ended, Err: failure},
		} {
			e.Change, e.Action = p.Changes[0], resource.Create
			h.Event(e)
		}
		h.Result(p, &apply.Result{Ends: []apply.End{{Change: p.Changes[0], Status: apply.Failed, Err: failure}}}, "viver apply")
		if text := strings.Join(show(out.String()), ""); strings.ContainsAny(text, "\x1b\a\u009b") {
			t.Errorf("live %v: %q", live, text)
		}
	}
}

func TestResultGroupsWhatFailedAlike(t *testing.T) {
	p := creation(t, `node.pc[0]`, `node.pc[1]`, `node.pc[2]`, `step.file.motd[1]`, `server.seed`)
	p.Changes[2].Range = hcl.Range{Filename: "main.viver.hcl", Start: hcl.Pos{Line: 7}}
	boom := func(at string) error { return errors.New(at + ": did not join within 10m") }
	r := &apply.Result{Took: 600 * time.Second, Ends: []apply.End{
		{Change: p.Changes[0], Status: apply.Done},
		{Change: p.Changes[1], Status: apply.Failed, Err: boom("node.pc[1]")},
		{Change: p.Changes[2], Status: apply.Failed, Err: boom("node.pc[2]")},
		{Change: p.Changes[3], Status: apply.Blocked, Cause: p.Changes[1]},
		{Change: p.Changes[4], Status: apply.NotStarted},
	}}
	var out bytes.Buffer
	NewHuman(Options{Out: &out}).Result(p, r, "viver apply -C x")
	want := `
Error: node.pc[1, 2] (main.viver.hcl:7)
  did not join within 10m

Not tried, because of what failed before: step.file.motd[1]
Not started: server.seed

Apply failed after 10m0s: 1 created, 0 updated, 0 destroyed; 2 failed, 2 not tried.
What was done is remembered. To go on: viver apply -C x
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	secret := cty.StringVal("geheim").Mark("sensitive")
	schema := &resource.Schema{Attributes: map[string]*resource.Attribute{
		"text": {Type: cty.String}, "list": {Type: cty.List(cty.String)}, "pin": {Type: cty.String, Sensitive: true},
	}}
	config := cty.ObjectVal(map[string]cty.Value{
		"text": secret, "list": cty.ListVal([]cty.Value{cty.StringVal("a"), secret}), "pin": cty.StringVal("geheim"),
	})
	if got := summary(plainType{schema}, config); got != "" {
		t.Errorf("the summary is %q", got)
	}
	outputs := map[string]Output{"x": {Value: cty.StringVal("geheim"), Sensitive: true}}
	for _, view := range []func(*bytes.Buffer) View{
		func(b *bytes.Buffer) View { return NewJSON(b) },
		func(b *bytes.Buffer) View { return NewHuman(Options{Out: b}) },
	} {
		var out bytes.Buffer
		view(&out).Outputs(outputs)
		if out.Len() == 0 || strings.Contains(out.String(), "geheim") {
			t.Errorf("shown: %s", &out)
		}
	}
}

// plainType has no summary of its own.
type plainType struct{ schema *resource.Schema }

func (p plainType) Name() string             { return "plain" }
func (p plainType) Schema() *resource.Schema { return p.schema }

func (p plainType) Apply(context.Context, resource.ApplyRequest) (map[string]cty.Value, error) {
	return nil, nil
}

func (p plainType) Destroy(context.Context, resource.DestroyRequest) error { return nil }

func TestJSONIsOneObjectALine(t *testing.T) {
	var out bytes.Buffer
	p := creation(t, `node.pc[0]`)
	view := NewJSON(&out)
	view.Plan(p, "")
	view.Event(apply.Event{Kind: apply.Started, Change: p.Changes[0], Action: resource.Create})
	view.Event(apply.Event{Kind: apply.Progressed, Change: p.Changes[0], Progress: resource.Progress{Stage: "root", Detail: "a\nb"}})
	view.Event(apply.Event{Kind: apply.Ended, Change: p.Changes[0], Err: errors.New("boom")})
	view.Result(p, &apply.Result{Ends: []apply.End{{Change: p.Changes[0], Status: apply.Failed, Err: errors.New("boom")}}}, "viver apply")
	view.Outputs(map[string]Output{"n": {Value: cty.NumberIntVal(3)}})
	view.Diagnostics(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Bad", Subject: &hcl.Range{Filename: "f", Start: hcl.Pos{Line: 2, Column: 3}}}}, nil)
	var kinds []string
	for line := range strings.Lines(out.String()) {
		var object struct{ Type, Time string }
		if err := json.Unmarshal([]byte(line), &object); err != nil || object.Time == "" {
			t.Errorf("%s: %v", line, err)
		}
		kinds = append(kinds, object.Type)
	}
	want := "planned_change plan apply_start apply_progress apply_end apply outputs diagnostic"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("lines %s, want %s", got, want)
	}
}

func TestFormat(t *testing.T) {
	for want, v := range map[string]cty.Value{
		`"a\nb"`:      cty.StringVal("a\nb"),
		`12345678901`: cty.NumberIntVal(12345678901),
		`["a", "b"]`:  cty.SetVal([]cty.Value{cty.StringVal("b"), cty.StringVal("a")}),
		`null`:        cty.NullVal(cty.String),
	} {
		if got := Format(Output{Value: v}); got != want {
			t.Errorf("%#v is written %s, want %s", v, got, want)
		}
	}
}
