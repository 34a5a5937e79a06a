package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/verify"
)

// run runs tests and shows how they end.
func (t *testRun) run(ctx context.Context, files []*verify.File) error {
	inputs, diags := t.app.inputs(nil)
	if err := t.report(diags); err != nil {
		return err
	}
	open := verify.Simulated(t.types)
	if t.lab != "" {
		open = t.labWorld
	}
	start := time.Now()
	last := ""
	tally := verify.RunAll(ctx, files, verify.Options{
		Load: t.loadOptions(t.found()), Inputs: inputs, Open: open, Filter: t.filter, Parallel: t.parallel,
		Report: func(r verify.Result) {
			if r.Run == "" && r.Status == verify.Passed {
				return // all was taken away again
			}
			if t.json {
				t.line(r)
				return
			}
			if r.File != last {
				last = r.File
				fmt.Fprintln(t.out, r.File)
			}
			t.show(r)
		},
	})
	if len(tally) == 0 {
		return fmt.Errorf("test: no file and no run has %q in its name", t.filter)
	}
	if t.json {
		t.encode(map[string]any{
			"type": "test_summary", "passed": tally[verify.Passed], "failed": tally[verify.Failed], "errors": tally[verify.Errored],
			"skipped": tally[verify.Skipped], "seconds": time.Since(start).Seconds(),
		})
	} else {
		fmt.Fprintf(t.out, "\n%d passed, %d failed, %d with errors, %d skipped in %s.\n", tally[verify.Passed], tally[verify.Failed],
			tally[verify.Errored], tally[verify.Skipped], time.Since(start).Round(time.Millisecond))
	}
	if !tally.OK() {
		return errReported
	}
	return nil
}

var verdicts = map[verify.Status]string{verify.Passed: "ok   ", verify.Failed: "FAIL ", verify.Errored: "ERROR", verify.Skipped: "skip "}

func (t *testRun) show(r verify.Result) {
	fmt.Fprintf(t.out, "  %s  %s  %s\n", verdicts[r.Status], cmp.Or(r.Run, "(taking everything away)"), r.Took.Round(time.Millisecond))
	if len(r.Problems) > 0 {
		t.view.Diagnostics(r.Problems, r.Sources)
	}
}

// line is a run for programs.
func (t *testRun) line(r verify.Result) {
	problems := []map[string]any{}
	for _, d := range r.Problems {
		p := map[string]any{"severity": "warning", "summary": d.Summary, "detail": d.Detail}
		if d.Severity == hcl.DiagError {
			p["severity"] = "error"
		}
		if d.Subject != nil {
			p["file"], p["line"], p["column"] = d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column
		}
		problems = append(problems, p)
	}
	t.encode(map[string]any{"type": "test_run", "file": r.File, "run": cmp.Or(r.Run, "(taking everything away)"), "status": r.Status, "seconds": r.Took.Seconds(), "diagnostics": problems})
}

func (t *testRun) encode(v any) {
	_ = json.NewEncoder(t.out).Encode(v) // a reader that has gone needs no more
}
