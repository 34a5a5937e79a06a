package ui

import (
	"encoding/json"
	"io"
	"time"

	"github.com/hashicorp/hcl/v2"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"viver/planner/apply"
	"viver/planner/plan"
	"viver/planner/resource"
)

// machine shows things to programs: one JSON object on each line, with its "type" and "time".
type machine struct{ out io.Writer }

// NewJSON shows things to a program. The types of lines are planned_change, plan, apply_start, apply_progress, apply_end, apply, outputs and
// diagnostic; fields are added to them in time but not taken away.
func NewJSON(out io.Writer) View { return &machine{out} }

type fields map[string]any

func (m *machine) write(kind string, f fields) {
	f["type"], f["time"] = kind, time.Now().UTC().Format(time.RFC3339Nano)
	line, err := json.Marshal(f)
	if err != nil {
		line, _ = json.Marshal(fields{"type": "diagnostic", "severity": "error", "summary": "Cannot be shown as JSON", "detail": err.Error()})
	}
	m.out.Write(append(line, '\n')) // a reader that has gone needs no more
}

func (m *machine) Diagnostics(diags hcl.Diagnostics, _ map[string]*hcl.File) {
	for _, d := range diags {
		f := fields{"severity": "warning", "summary": d.Summary, "detail": d.Detail}
		if d.Severity == hcl.DiagError {
			f["severity"] = "error"
		}
		if d.Subject != nil {
			f["file"], f["line"], f["column"] = d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column
		}
		m.write("diagnostic", f)
	}
}

func (m *machine) Plan(p *plan.Plan, _ string) {
	for _, c := range p.Changes {
		if c.LeftOut || c.Action == resource.NoOp && !c.Unreachable && c.Note == "" && c.MovedFrom == "" && !(p.RefreshOnly && len(c.Refreshed) > 0) {
			continue
		}
		f := fields{"addr": c.Addr.String(), "action": c.Action, "unreachable": c.Unreachable}
		var why []string
		for _, r := range c.Reasons {
			why = append(why, r.String())
		}
		if len(why) > 0 {
			f["reasons"] = why
		}
		for name, text := range map[string]string{"machine": c.Machine, "note": c.Note, "consequence": c.Consequence, "moved_from": c.MovedFrom, "import_id": c.ImportID} {
			if text != "" {
				f[name] = text
			}
		}
		if p.RefreshOnly && len(c.Refreshed) > 0 {
			f["refreshed"] = c.Refreshed
		}
		m.write("planned_change", f)
	}
	s := p.Summary()
	m.write("plan", fields{
		"create": s.Create, "update": s.Update, "destroy": s.Destroy, "forget": s.Forget, "move": s.Move, "import": s.Import, "refresh": s.Refresh, "unreachable": s.Unreachable,
	})
}

func (m *machine) Event(e apply.Event) {
	f := fields{"addr": e.Change.Addr.String(), "action": e.Action}
	switch e.Kind {
	case apply.Started:
		m.write("apply_start", f)
	case apply.Progressed:
		f["stage"], f["detail"], f["output"] = e.Progress.Stage, e.Progress.Detail, e.Progress.Output
		m.write("apply_progress", f)
	case apply.Ended:
		if resource.Untried(e.Err) {
			return // Result says why
		}
		if e.Err != nil {
			f["error"] = e.Err.Error()
			if r := e.Change.Range; r.Filename != "" {
				f["file"], f["line"] = r.Filename, r.Start.Line
			}
		}
		if e.Unrecorded {
			f["unrecorded"] = true
		}
		m.write("apply_end", f)
	}
}

func (m *machine) Result(p *plan.Plan, r *apply.Result, resume string) {
	t := tally(r)
	for _, e := range r.Ends {
		f := fields{"addr": e.Change.Addr.String(), "action": e.Change.Action}
		switch {
		case e.Status == apply.Blocked && e.Cause != nil:
			f["blocked_by"] = e.Cause.Addr.String()
		case e.Status == apply.NotStarted:
			f["not_started"] = true
		default:
			continue
		}
		m.write("apply_end", f)
	}
	f := fields{
		"created": t.created, "updated": t.updated, "destroyed": t.destroyed, "failed": t.failures,
		"not_tried": len(t.blocked) + len(t.notStarted), "seconds": r.Took.Seconds(), "destroy": p.Destroy,
	}
	if n := len(t.unrecorded); n > 0 {
		f["unrecorded"] = n
	}
	if r.Failed() {
		f["resume"] = resume
	}
	m.write("apply", f)
}

func (m *machine) Outputs(outputs map[string]Output) {
	all := fields{}
	for name, o := range outputs {
		all[name] = JSONOutput(o)
	}
	m.write("outputs", fields{"outputs": all})
}

func (m *machine) Close() {}

// JSONOutput is an output for encoding/json: its value, or that it is sensitive.
func JSONOutput(o Output) any {
	f := fields{"sensitive": o.Sensitive}
	if o.Description != "" {
		f["description"] = o.Description
	}
	if !o.Sensitive && o.Value.IsWhollyKnown() {
		f["value"] = ctyjson.SimpleJSONValue{Value: o.Value}
	}
	return f
}
