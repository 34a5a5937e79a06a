package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"viver/planner/apply"
	"viver/planner/plan"
	"viver/planner/state"
	"viver/planner/ui"
)

// carryOut are the flags of the commands that change things.
type carryOut struct {
	approved    bool
	parallelism int
	force       bool
	resume      string // the command that takes up what is left
}

func (f *carryOut) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.approved, "auto-approve", false, "do not ask")
	cmd.Flags().IntVar(&f.parallelism, "parallelism", apply.DefaultParallelism, "work on `N` things at once; those that only wait do not count")
	cmd.Flags().BoolVar(&f.force, "force", false, "switch machines off without having others take what only they hold of the shared root")
}

func (a *app) applyCommand() *cobra.Command {
	var flags carryOut
	var scope scope
	cmd := &cobra.Command{
		Use:   "apply [FILE]",
		Short: "Bring about what is configured",
		Long: `apply plans, asks, and carries the plan out. Every step is remembered as soon as it is done: after an error, after Ctrl-C, even
after a power cut, apply again goes on where it stopped.

With FILE it carries out the plan that viver plan --out FILE has saved, exactly that and without asking. It is refused when the state or
the configuration has changed since. Values of variables are not in the file: give them as they were given to plan.

Ctrl-C once starts nothing new and waits for what runs; twice cancels that; three times ends at once.

` + addressHelp,
		Example: `  viver apply
  viver apply monday.plan
  viver apply --replace 'node.pc[pc07]'   make one machine anew
  viver apply --auto-approve --json
  viver apply -C rooms/physics --var-file exam.viver.vars`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			if len(args) == 1 {
				return a.applyFile(cmd, args[0], flags)
			}
			if err := scope.check(); err != nil {
				return err
			}
			p, err := a.load()
			if err != nil {
				return err
			}
			flags.resume = p.command()
			return p.planAndCarryOut(cmd, scope, flags)
		},
	}
	a.variableFlags(cmd)
	a.detailFlag(cmd)
	flags.flags(cmd)
	scope.planFlags(cmd)
	return cmd
}

// planAndCarryOut does with the state locked, for cmd, what the flags say.
func (p *project) planAndCarryOut(cmd *cobra.Command, scope scope, flags carryOut) error {
	return p.withState(cmd.Context(), cmd.CommandPath(), func(store state.Writer) error {
		made, err := p.make(cmd.Context(), store.State(), scope)
		if err != nil {
			return err
		}
		return p.carryOut(cmd.Context(), made, store, flags)
	})
}

// applyFile carries out a saved plan: it makes the plan again from what the file names, and does it if it is the same.
func (a *app) applyFile(cmd *cobra.Command, path string, flags carryOut) error {
	for _, name := range []string{"target", "exclude", "replace", "refresh", "refresh-only"} {
		if cmd.Flags().Changed(name) {
			return errors.New("apply: what a saved plan is for stands in its file: leave --" + name + " out, or plan again with it")
		}
	}
	file, f, p, err := a.openPlan(path)
	if err != nil {
		return err
	}
	flags.approved, flags.resume = true, p.next("apply", f)
	return p.withState(cmd.Context(), "viver apply", func(store state.Writer) error {
		made, err := p.again(cmd.Context(), file, store.State())
		if err != nil {
			return err
		}
		return p.carryOut(cmd.Context(), made, store, flags)
	})
}

// check refuses what makes no sense, before anything is planned.
func (f *carryOut) check() error {
	if f.parallelism < 1 {
		return fmt.Errorf("--parallelism %d: at least one thing must be worked on: leave it out, or give a number from 1", f.parallelism)
	}
	return nil
}

// carryOut shows a plan, asks, and applies it. Until the applying begins nothing has been done, and Ctrl-C just ends the program.
func (p *project) carryOut(ctx context.Context, made *plan.Plan, store state.Writer, flags carryOut) error {
	p.view.Plan(made, "")
	if !made.Empty() && !flags.approved {
		if err := p.confirm(made); err != nil {
			return err
		}
	}
	ctx, stop, end := interrupts(ctx, p.errors)
	defer end()
	defer p.view.Close()
	o := apply.Options{Plan: made, Store: store, Types: p.types, Parallelism: flags.parallelism, Force: flags.force, Stop: stop, Observe: p.view.Event}
	if p.evaluator != nil {
		o.Config, o.Secrets = p.evaluator, p.evaluator.Secrets()
	}
	result, err := apply.Run(ctx, o)
	if result == nil {
		return err
	}
	if !made.Empty() {
		p.view.Result(made, result, flags.resume)
	}
	if problem := p.report(result.Problems); err == nil {
		err = problem
	}
	if err == nil && result.Failed() {
		err = errReported
	}
	if err == nil && !made.Destroy {
		p.view.Outputs(outputs(store.State()))
	}
	return errors.Join(err, p.keepUnrecorded(result, store), p.checks())
}

// outputs are those that the state remembers.
func outputs(s *state.State) map[string]ui.Output {
	all := map[string]ui.Output{}
	for name, o := range s.Outputs {
		all[name] = ui.Output{Value: o.Value, Sensitive: o.Sensitive, Description: o.Description}
	}
	return all
}
