package ui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/apply"
	"viver/planner/plan"
)

// human shows things to people.
type human struct {
	Options
	palette  palette
	plan     *plan.Plan // the one shown last
	progress *progress  // nil: nothing is applied yet
}

// NewHuman shows things to a person: at a terminal with one block of progress that changes (Live), else line by line.
func NewHuman(o Options) View {
	o.Width = cmp.Or(o.Width, defaultWidth)
	return &human{Options: o, palette: palette{o.Color}}
}

func (h *human) Plan(p *plan.Plan, hint string) {
	h.plan = p
	s := p.Summary()
	writeRows(h.Out, h.palette, rows(p, h.Types, h.Detail))
	unreachable := ""
	if s.Unreachable > 0 {
		unreachable = " " + count(s.Unreachable, "machine") + " unreachable."
	}
	if p.Empty() {
		fmt.Fprintln(h.Out, nothing(p)+unreachable)
		return
	}
	line := fmt.Sprintf("Plan: %d to create, %d to update, %d to destroy.", s.Create, s.Update, s.Destroy)
	if p.RefreshOnly {
		line = fmt.Sprintf("Plan: nothing to do but to remember what was found of %s.", count(s.Refresh+s.Forget, "instance"))
	} else {
		line += more(s)
	}
	fmt.Fprintf(h.Out, "\n%s%s\n", h.palette.paint(bold, line), unreachable)
	if hint != "" {
		fmt.Fprintf(h.Out, "To bring it about: %s\n", hint)
	}
}

// nothing is what there is to say of a plan without changes.
func nothing(p *plan.Plan) string {
	switch {
	case p.Destroy && p.Partial:
		return "Nothing to destroy of that."
	case p.Destroy:
		return "Nothing to destroy: the state is empty."
	case p.RefreshOnly:
		return "No changes. The state says what was found."
	case p.Partial:
		return "No changes. What this plan is for is as the configuration says; the rest was left out."
	}
	return "No changes. Everything is as the configuration says."
}

// more says what happens to the state only.
func more(s plan.Summary) (text string) {
	for _, p := range []struct {
		n    int
		what string
	}{{s.Import, "imported"}, {s.Move, "moved"}, {s.Forget, "to forget"}} {
		if p.n > 0 {
			text += fmt.Sprintf(" %d %s.", p.n, p.what)
		}
	}
	return text
}

func (h *human) Event(e apply.Event) {
	if h.progress == nil {
		h.progress = startProgress(h.Options, h.palette, h.plan)
	}
	h.progress.event(e)
}

func (h *human) Close() {
	if h.progress != nil {
		h.progress.close()
		h.progress = nil
	}
}

func (h *human) Result(p *plan.Plan, r *apply.Result, resume string) {
	h.Close()
	t := tally(r)
	if !r.Failed() {
		h.success(p, r, t)
		return
	}
	word := "Apply"
	if p.Destroy {
		word = "Destroy"
	}
	how := "failed"
	if r.Stopped && len(t.failed) == 0 {
		how = "stopped"
	}
	fmt.Fprintln(h.Out)
	for _, f := range t.failed {
		h.failure(f)
	}
	h.blocked(t)
	line := fmt.Sprintf("%s %s after %s: %d created, %d updated, %d destroyed; %d failed, %d not tried.",
		word, how, short(r.Took), t.created, t.updated, t.destroyed, t.failures, len(t.blocked)+len(t.notStarted))
	fmt.Fprintln(h.Out, h.palette.paint(bold, line))
	fmt.Fprintf(h.Out, "%s To go on: %s\n", remembered(t), resume)
}

// remembered says what the next apply knows of this one.
func remembered(t *tallied) string {
	if len(t.unrecorded) > 0 {
		return "What was done is remembered, but for what was not written to the state: that is done again."
	}
	return "What was done is remembered."
}

func (h *human) success(p *plan.Plan, r *apply.Result, t *tallied) {
	if p.RefreshOnly {
		fmt.Fprintln(h.Out, h.palette.paint(bold, "Refresh complete! The state says what was found."))
		return
	}
	if p.Destroy {
		fmt.Fprintln(h.Out, h.palette.paint(bold, fmt.Sprintf("Destroy complete! %d destroyed in %s.", t.destroyed, short(r.Took))))
		return
	}
	line := fmt.Sprintf("Apply complete! %d created, %d updated, %d destroyed in %s.", t.created, t.updated, t.destroyed, short(r.Took))
	fmt.Fprintln(h.Out, h.palette.paint(bold, line))
}

// failure shows one error with all that have it.
func (h *human) failure(f *failure) {
	mark := h.palette.paint(red, "Error:")
	where := ""
	if len(f.places) > 0 {
		where = " (" + list(f.places) + ")"
	}
	fmt.Fprintf(h.Out, "%s %s%s\n", mark, collapse(f.addresses), where)
	for line := range strings.Lines(f.text) {
		fmt.Fprintf(h.Out, "  %s\n", printable(strings.TrimRight(line, "\n")))
	}
	fmt.Fprintln(h.Out)
}

func (h *human) blocked(t *tallied) {
	if len(t.blocked) > 0 {
		fmt.Fprintf(h.Out, "Not tried, because of what failed before: %s\n", collapse(t.blocked))
	}
	if len(t.notStarted) > 0 {
		fmt.Fprintf(h.Out, "Not started: %s\n", collapse(t.notStarted))
	}
	if len(t.unrecorded) > 0 {
		fmt.Fprintf(h.Out, "Done, but not written to the state: %s\n", collapse(t.unrecorded))
	}
	if len(t.blocked)+len(t.notStarted)+len(t.unrecorded) > 0 {
		fmt.Fprintln(h.Out)
	}
}

func (h *human) Outputs(outputs map[string]Output) {
	if len(outputs) == 0 {
		return
	}
	fmt.Fprint(h.Out, "\nOutputs:\n\n")
	names := slices.Sorted(maps.Keys(outputs))
	width := 0
	for _, name := range names {
		width = max(width, utf8.RuneCountInString(name))
	}
	for _, name := range names {
		fmt.Fprintf(h.Out, "%-*s = %s\n", width, name, Format(outputs[name]))
	}
}

// Format writes an output value in the language's own form.
func Format(o Output) string {
	if o.Sensitive {
		return "(sensitive value)"
	}
	if !o.Value.IsWhollyKnown() {
		return "(known after apply)"
	}
	return string(hclwrite.Format(hclwrite.TokensForValue(plain(o.Value)).Bytes()))
}

// plain turns sets, for which the language has no form, into tuples.
func plain(v cty.Value) cty.Value {
	out, err := cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if v.Type().IsSetType() && !v.IsNull() {
			return cty.TupleVal(v.AsValueSlice()), nil
		}
		return v, nil
	})
	if err != nil { // a collection of sets: leave it
		return v
	}
	return out
}
