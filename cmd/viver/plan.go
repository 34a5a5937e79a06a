package main

import (
	"context"
	"errors"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"viver/planner/plan"
	"viver/planner/planfile"
	"viver/planner/state"
)

func (a *app) planCommand() *cobra.Command {
	var scope scope
	var detailed bool
	var out string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what there is to do",
		Long: `plan compares the configuration with what was done before and with what it finds, and says what apply would do. It
changes nothing, and can run beside an apply.

Signs: + create, ~ update, -/+ replace, - destroy, . forget, = remember what was found, ! could not be asked.

With --out the plan is saved, for viver apply FILE. The file says what the plan follows from, by digests; it holds no argument and no
value of a variable, so these must be given to apply again. When the state or the configuration has changed by then, it is refused.

` + addressHelp,
		Example: `  viver plan
  viver plan -C rooms/physics --var pcs=40
  viver plan --detail                   a row for each instance
  viver plan --refresh=false            ask no machine, trust what is remembered
  viver plan --target image.desk        only the image, and what goes into it
  viver plan --exclude 'node.pc[pc07]'  all but one machine, and what needs it
  viver plan --out monday.plan          for viver apply monday.plan
  viver plan --destroy                  what destroy would do
  viver plan --detailed-exitcode        exit code 2 if there are changes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, err := a.plan(cmd.Context(), scope, out)
			if err == nil && detailed && !made.Empty() {
				return errChanges
			}
			return err
		},
	}
	a.variableFlags(cmd)
	a.detailFlag(cmd)
	scope.planFlags(cmd)
	cmd.Flags().BoolVar(&scope.destroy, "destroy", false, "plan to take everything away, as viver destroy does")
	cmd.Flags().StringVar(&out, "out", "", "save the plan in this `FILE`, for viver apply FILE")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit code 2 if there are changes, 0 if there are none")
	return cmd
}

// plan makes a plan, shows it, and saves it if there is a path.
func (a *app) plan(ctx context.Context, scope scope, out string) (*plan.Plan, error) {
	if err := scope.check(); err != nil {
		return nil, err
	}
	p, err := a.loadFor(scope)
	if err != nil {
		return nil, err
	}
	s, err := p.readState(ctx, out != "")
	if err != nil {
		return nil, err
	}
	made, err := p.make(ctx, s, scope)
	if err != nil {
		return nil, err
	}
	saved := p.savePlan(out, made, s, scope)
	next := p.next("apply", scope)
	if out != "" && saved == nil {
		next = p.next("apply "+quoted(out), scope)
	}
	p.view.Plan(made, next)
	return made, errors.Join(p.checks(), saved)
}

func (a *app) detailFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.detail, "detail", false, "show each change in a row of its own")
}

// loadFor reads the configuration where the plan needs one.
func (a *app) loadFor(s scope) (*project, error) {
	if s.destroy {
		return a.open(), nil
	}
	return a.load()
}

// readState reads the state; with begin it makes one where there is none, as what is saved belongs to one state.
func (p *project) readState(ctx context.Context, begin bool) (*state.State, error) {
	s, err := p.remembered(ctx)
	if err != nil || s.Lineage != "" || !begin {
		return s, err
	}
	if err := p.withState(ctx, "viver plan", func(state.Writer) error { return nil }); err != nil {
		return nil, err
	}
	return p.remembered(ctx)
}

// make makes a plan. Errors have been shown when it returns one.
func (p *project) make(ctx context.Context, s *state.State, f scope) (*plan.Plan, error) {
	return p.makeFrom(ctx, p.planOptions(s, f), f.destroy)
}

func (p *project) makeFrom(ctx context.Context, o plan.Options, destroy bool) (made *plan.Plan, err error) {
	var diags hcl.Diagnostics
	if destroy {
		made, diags = plan.Destroy(ctx, o)
	} else {
		made, diags = plan.Make(ctx, o)
	}
	return made, p.report(diags)
}

// savePlan saves a plan, if there is a path.
func (p *project) savePlan(path string, made *plan.Plan, s *state.State, f scope) error {
	if path == "" {
		return nil
	}
	file, err := planfile.Make(version, f.saved(), p.basis(s), made)
	if err != nil {
		return err
	}
	return planfile.Write(path, file)
}

// basis is what plans of this project are made from.
func (p *project) basis(s *state.State) planfile.Basis {
	b := planfile.Basis{State: s, Inputs: p.inputs, Types: p.types}
	if p.config != nil {
		b.Files, b.Time = p.config.Files(), p.config.PlanTime()
	}
	return b
}
