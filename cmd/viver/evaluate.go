package main

import (
	"context"

	"viver/planner/plan"
	"viver/planner/state"
)

// evaluate evaluates the configuration with what is remembered, and asks nobody. Errors have been shown when it returns one.
func (p *project) evaluate(ctx context.Context, s *state.State) (*plan.Plan, error) {
	made, diags := plan.Make(ctx, p.planOptions(s, scope{}))
	return made, p.report(diags)
}
