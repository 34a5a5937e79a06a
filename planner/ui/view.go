package ui

import (
	"io"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/apply"
	"viver/planner/plan"
	"viver/planner/resource"
)

// View shows what a command does. Its methods are called one at a time.
type View interface {
	Diagnostics(diags hcl.Diagnostics, files map[string]*hcl.File)
	// Plan shows a plan; hint is the next command to type, or "".
	Plan(p *plan.Plan, hint string)
	// Event takes one piece of news of an apply.
	Event(e apply.Event)
	// Result shows how an apply ended; resume is the command that takes it up again.
	Result(p *plan.Plan, r *apply.Result, resume string)
	Outputs(outputs map[string]Output)
	// Close leaves the terminal as it was.
	Close()
}

// Output is one output value.
type Output struct {
	Value       cty.Value // not marked; not looked at if Sensitive
	Sensitive   bool
	Description string
}

// Options say how to show things.
type Options struct {
	Out io.Writer
	// Types have the schemas and summaries for the rows of a plan.
	Types map[string]resource.Type
	// Color and Live are for terminals. Live: progress is one block that changes.
	Color, Live bool
	// Detail: each change of a plan has a row of its own.
	Detail bool
	// Width of the terminal in columns; 0: 100.
	Width int
}

const defaultWidth = 100

// since is the time from start to now, short: "1m52s".
func since(start time.Time) string { return short(time.Since(start)) }

func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
