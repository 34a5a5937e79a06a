package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/apply"
	"viver/planner/resource"
)

// TestEventsAreDocumented: each type of line and each field that there can be stands in docs/events.md.
func TestEventsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	p := creation(t, `node.pc[0]`, `node.pc[1]`, `node.pc[2]`)
	c := p.Changes[0]
	p.RefreshOnly, c.Refreshed, c.Machine, c.Note = true, []string{"boot_id"}, "server.seed", "found so"
	c.MovedFrom, c.ImportID, c.Consequence = "node.desk", "52:54:00:00:00:01", "takes effect"
	c.Range = hcl.Range{Filename: "main.viver.hcl", Start: hcl.Pos{Line: 3}}
	var out bytes.Buffer
	view := NewJSON(&out)
	view.Diagnostics(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "x", Detail: "y", Subject: &c.Range}}, nil)
	view.Plan(p, "")
	for _, e := range []apply.Event{{Kind: apply.Started}, {Kind: apply.Progressed, Progress: resource.Progress{Stage: "root"}}, {Kind: apply.Ended, Err: errors.New("boom")}, {Kind: apply.Ended, Unrecorded: true}} {
		e.Change = c
		view.Event(e)
	}
	view.Result(p, &apply.Result{Ends: []apply.End{
		{Change: c, Status: apply.Failed, Err: errors.New("boom")},
		{Change: p.Changes[1], Status: apply.Blocked, Cause: c},
		{Change: p.Changes[2]},
		{Change: c, Status: apply.Unrecorded},
	}}, "viver apply")
	view.Outputs(map[string]Output{"a": {Value: cty.True, Description: "d"}})
	known := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		kind := fields["type"].(string)
		known[kind] = true
		if !strings.Contains(string(text), "\n## "+kind) && !strings.Contains(string(text), ", "+kind) {
			t.Errorf("%s is not documented", kind)
		}
		for field := range fields {
			if !strings.Contains(string(text), "`"+field+"`") {
				t.Errorf("%s of %s is not documented", field, kind)
			}
		}
	}
	if len(known) != 8 {
		t.Errorf("seen were only %v", known)
	}
}
