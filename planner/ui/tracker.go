package ui

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"viver/planner/apply"
	"viver/planner/plan"
	"viver/planner/resource"
)

// tracker knows how far each row of an apply is. A row is a Pac, or a block outside of Pacs.
type tracker struct {
	rows   []*tracked
	byRow  map[string]*tracked
	totals map[string]int // parts of each row in the plan
	failed []*failure     // by their text
}

func newTracker(p *plan.Plan) tracker {
	t := tracker{byRow: map[string]*tracked{}, totals: map[string]int{}}
	if p == nil {
		return t
	}
	for _, v := range p.Vertices {
		for _, m := range v.Members {
			t.totals[rowName(p.Changes[m.Change])]++
		}
	}
	return t
}

// tracked is one row.
type tracked struct {
	name   string
	total  int // parts in the plan
	start  time.Time
	parts  map[string]*member // by address and action
	stages []string           // in the order in which they were first seen
	failed int
	done   int
	// untried are those that were said to be started and were not tried in the end
	untried int
	detail  string // last news
	action  resource.Action
}

// member is one instance at work.
type member struct {
	name    string
	started time.Time
	stage   string
	entered time.Time // the stage
	ended   bool
}

// rowName is the Pac in which an instance is, or its block.
func rowName(c *plan.Change) string {
	if len(c.Addr.Module) > 0 {
		return c.Addr.Module[:1].String()
	}
	return c.Addr.Group()
}

// event takes news in, and returns the row and the instance that they are about, and whether its stage is a new one.
func (t *tracker) event(e apply.Event) (row *tracked, m *member, newStage bool) {
	name := rowName(e.Change)
	if t.byRow[name] == nil {
		t.byRow[name] = &tracked{name: name, total: t.totals[name], start: time.Now(), parts: map[string]*member{}, action: e.Action}
		t.rows = append(t.rows, t.byRow[name])
	}
	row = t.byRow[name]
	if e.Action != row.action {
		row.action = resource.NoOp // mixed
	}
	key := string(e.Action) + " " + e.Change.Addr.String()
	if m = row.parts[key]; m == nil {
		m = &member{name: displayName(e.Change), started: time.Now(), entered: time.Now()}
		row.parts[key] = m
	}
	before := m.stage
	switch e.Kind {
	case apply.Progressed:
		row.progress(m, e.Progress)
	case apply.Ended:
		m.ended = true
		switch {
		case resource.Untried(e.Err):
			row.untried++
		case e.Err != nil:
			row.failed++
			t.failed = addFailure(t.failed, e.Change, e.Err)
		default:
			row.done++
		}
	}
	return row, m, m.stage != before
}

func (r *tracked) progress(m *member, p resource.Progress) {
	if p.Stage != "" && p.Stage != m.stage {
		m.stage, m.entered = p.Stage, time.Now()
		if !slices.Contains(r.stages, p.Stage) {
			r.stages = append(r.stages, p.Stage)
		}
	}
	if p.Detail != "" {
		r.detail = p.Detail
	}
}

func (r *tracked) ended() int { return r.done + r.failed + r.untried }

func (r *tracked) running() bool { return r.ended() < len(r.parts) }

func (r *tracked) complete() bool { return r.ended() >= max(r.total, len(r.parts)) }

// share says how many of how many are done: " (5 of 40)"; nothing for a single one.
func (r *tracked) share() string {
	if r.total < 2 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d)", r.done, r.total)
}

// displayName is the name by which people know an instance among others of its block: its machine's, or its key.
func displayName(c *plan.Change) string {
	return cmp.Or(c.Label().Key.Plain(), c.Addr.Name)
}

// ending is what there is to say when a row is done.
func (r *tracked) ending() string {
	took := "in " + since(r.start)
	detail := r.detail
	if r.total == 1 {
		if r.failed > 0 {
			return "failed after " + since(r.start)
		}
		return join("   ", past(r.action)+" "+took, detail)
	}
	text := fmt.Sprintf("%d %s", r.done, past(r.action))
	if r.failed > 0 {
		text += fmt.Sprintf(", %d failed", r.failed)
	}
	return text + " " + took
}

func past(a resource.Action) string {
	switch a {
	case resource.Create:
		return "created"
	case resource.Update:
		return "updated"
	case resource.Replace:
		return "replaced"
	case resource.Delete:
		return "destroyed"
	}
	return "done"
}

func participle(a resource.Action) string {
	switch a {
	case resource.Create:
		return "creating"
	case resource.Update:
		return "updating"
	case resource.Replace:
		return "replacing"
	case resource.Delete:
		return "destroying"
	}
	return "working"
}
