package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/apply"
	"viver/planner/lang"
	"viver/planner/plan"
	"viver/planner/simulate"
	"viver/planner/source"
)

// runner runs the tests of one file.
type runner struct {
	Options
	file    *File
	config  *lang.Config
	world   *World
	store   *memory
	outputs map[string]cty.Value // of the runs so far, by name
}

func problem(at *hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: at}
}

// open reads the configuration and makes the world.
func (r *runner) open(ctx context.Context) (diags hcl.Diagnostics) {
	load := r.Load
	load.Root = r.file.own
	if r.config, diags = lang.Load(r.file.Dir, load); diags.HasErrors() {
		return diags
	}
	var err error
	if r.world, err = r.Open(ctx, r.file); err != nil {
		diags = append(diags, problem(nil, "No world for the tests", "%s: %s.", r.file.Path, err))
	}
	return diags
}

// run is one run of the file.
func (r *runner) run(ctx context.Context, run *Run) (Status, hcl.Diagnostics) {
	if err := r.world.Happen(run.Events); err != nil {
		return Errored, hcl.Diagnostics{problem(&run.Range, "Unsuitable world", "%s.", err)}
	}
	inputs, diags := r.inputs(run)
	if diags.HasErrors() {
		return Errored, diags
	}
	made, evaluator, found := r.plan(ctx, inputs)
	if made != nil && !run.PlanOnly {
		found = append(found, r.apply(ctx, made, evaluator)...)
	}
	if made != nil {
		found = append(found, checks(evaluator)...)
	}
	unexpected, missing := judge(run.expected, found)
	switch {
	case unexpected.HasErrors():
		return Errored, append(unexpected, missing...)
	case missing.HasErrors():
		return Failed, append(unexpected, missing...)
	case made == nil: // it failed as it should
		return Passed, unexpected
	}
	return r.asserts(run, made, evaluator, unexpected)
}

// inputs are the values of variables for a run: of the command line, of the file, of the run.
func (r *runner) inputs(run *Run) (inputs []lang.Input, diags hcl.Diagnostics) {
	declared := map[string]bool{}
	for _, v := range r.config.Variables() {
		declared[v.Name] = true
	}
	for _, i := range r.Inputs {
		if declared[i.Name] { // files may have configurations of their own
			inputs = append(inputs, i)
		}
	}
	dir, err := source.Local(r.file.Dir)
	if err != nil {
		return nil, hcl.Diagnostics{problem(nil, "No configuration", "%s.", err)}
	}
	more := map[string]cty.Value{"run": cty.ObjectVal(r.outputs)}
	for _, attrs := range []hcl.Attributes{r.file.variables, run.variables} {
		for _, name := range slices.Sorted(maps.Keys(attrs)) {
			v, d := lang.Constant(attrs[name].Expr, dir, more)
			diags = append(diags, d...)
			inputs = append(inputs, lang.Input{Name: name, Value: v, Source: fmt.Sprintf("%s:%d", r.file.Path, attrs[name].Range.Start.Line)})
		}
	}
	return inputs, diags
}

// plan makes the plan, for some targets or for everything; it is nil after an error.
func (r *runner) plan(ctx context.Context, inputs []lang.Input, targets ...string) (*plan.Plan, *lang.Evaluator, hcl.Diagnostics) {
	var evaluator *lang.Evaluator
	made, diags := plan.Make(ctx, plan.Options{
		State: r.store.State(), Types: r.world.Types, Refresh: true, Targets: targets,
		Config: func() (plan.Walker, hcl.Diagnostics) {
			e, diags := lang.NewEvaluator(r.config, inputs)
			evaluator = e
			return e, diags
		},
	})
	if diags.HasErrors() {
		return nil, nil, diags
	}
	return made, evaluator, diags
}

// apply carries a plan out, and says what failed.
func (r *runner) apply(ctx context.Context, made *plan.Plan, e *lang.Evaluator) (diags hcl.Diagnostics) {
	o := apply.Options{Plan: made, Store: r.store, Types: r.world.Types}
	if e != nil {
		o.Config, o.Secrets = e, e.Secrets()
	}
	result, err := apply.Run(ctx, o)
	if err != nil {
		diags = append(diags, problem(nil, "Apply failed", "%s.", err))
	}
	if result == nil {
		return diags
	}
	for _, end := range result.Ends {
		if end.Status == apply.Failed {
			diags = append(diags, failure(end)...)
		}
	}
	return append(diags, result.Problems...)
}

// failure says how a change failed, as diagnostics that can be expected.
func failure(end apply.End) hcl.Diagnostics {
	var of *apply.DiagnosticError
	if errors.As(end.Err, &of) {
		return hcl.Diagnostics{of.Diagnostic}
	}
	at := end.Change.Addr.String()
	d := problem(nil, "Apply failed", "%s: %s.", at, end.Err)
	if end.Change.Range.Filename != "" {
		d.Subject = end.Change.Range.Ptr()
	}
	d.Extra = lang.Violation{Of: at}
	return hcl.Diagnostics{d}
}

// checks are the asserts of check blocks that do not hold: in a test they must.
func checks(e *lang.Evaluator) hcl.Diagnostics {
	all, diags := e.Checks()
	for _, c := range all {
		if c.Status == lang.CheckFailed {
			d := problem(&c.Range, "Check failed", "%s: %s", c.Name, c.Message)
			d.Extra = lang.Violation{Of: c.Name}
			diags = append(diags, d)
		}
	}
	return diags
}

// judge takes from the problems those that were expected, and says which expected ones did not come.
func judge(expected []expectation, found hcl.Diagnostics) (unexpected, missing hcl.Diagnostics) {
	came := map[int]bool{}
	for _, d := range found {
		wanted := false
		for i, e := range expected {
			if d.Severity == hcl.DiagError && e.means(d) {
				came[i], wanted = true, true
			}
		}
		if !wanted {
			unexpected = append(unexpected, d)
		}
	}
	for i, e := range expected {
		if !came[i] {
			missing = append(missing, problem(&e.rng, "Failure missing", "%s should have failed, and it did not.", e.address))
		}
	}
	return unexpected, missing
}

func (e expectation) means(d *hcl.Diagnostic) bool {
	v, ok := d.Extra.(lang.Violation)
	if !ok {
		return false
	}
	rest, ok := strings.CutPrefix(v.Of, e.address)
	return ok && (rest == "" || rest[0] == '[' || rest[0] == '.')
}

// end takes everything away again, and looks whether anything is left.
func (r *runner) end(ctx context.Context) Result {
	start := time.Now()
	ctx = context.WithoutCancel(ctx)
	diags := hcl.Diagnostics{}
	if err := r.world.Happen(simulate.Events{}); err != nil {
		diags = append(diags, problem(nil, "Unsuitable world", "%s.", err))
	}
	r.store.unprotect()
	made, more := plan.Destroy(ctx, plan.Options{State: r.store.State(), Types: r.world.Types})
	diags = append(diags, more...)
	if !more.HasErrors() {
		diags = append(diags, r.apply(ctx, made, nil)...)
	}
	if left := r.world.Left(); len(left) > 0 && !diags.HasErrors() {
		diags = append(diags, problem(nil, "Not taken away", "Destroy has left %s.", strings.Join(left, ", ")))
	}
	if err := r.world.Close(); err != nil {
		diags = append(diags, problem(nil, "World not closed", "%s.", err))
	}
	if diags.HasErrors() {
		return r.result("", Errored, start, diags)
	}
	return r.result("", Passed, start, nil)
}
