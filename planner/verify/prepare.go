package verify

import (
	"context"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/plan"
	"viver/planner/resource"
)

// Prepare brings about what is of one kind, and all that goes into it, in a world of its own: a lab has no way to where images come from, so they are made
// before it is. What would need anything else is left to the runs. A run that cannot be planned is left to itself.
func Prepare(ctx context.Context, f *File, o Options, kind string) hcl.Diagnostics {
	r := &runner{file: f, Options: o, store: newMemory()}
	if diags := r.open(ctx); diags.HasErrors() {
		return diags
	}
	var diags hcl.Diagnostics
	var targets []string
	for _, name := range r.config.Names() {
		if strings.HasPrefix(name, kind+".") {
			targets = append(targets, name)
		}
	}
	for _, run := range f.Runs {
		inputs, bad := r.inputs(run)
		if len(targets) == 0 || bad.HasErrors() {
			continue
		}
		made, evaluator, bad := r.plan(ctx, inputs, targets...)
		if !bad.HasErrors() && only(made, kind) {
			diags = append(diags, r.apply(ctx, made, evaluator)...)
		}
	}
	if err := r.world.Close(); err != nil {
		diags = append(diags, problem(nil, "World not closed", "%s.", err))
	}
	return diags
}

// only reports whether all that a plan does is about one kind, and about steps that go into it.
func only(p *plan.Plan, kind string) bool {
	for _, c := range p.Changes {
		if c.Action != resource.NoOp && c.Type != kind && !c.Baked {
			return false
		}
	}
	return true
}
