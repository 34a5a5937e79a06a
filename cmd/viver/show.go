package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"viver/planner/plan"
	"viver/planner/planfile"
	"viver/planner/state"
	"viver/planner/ui"
)

func (a *app) showCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [FILE | ADDRESS...]",
		Short: "Show what is remembered, or a saved plan",
		Long: `show prints what the last apply remembered: all of it, or what addresses or names of machines mean. Of sensitive values only digests are
remembered, and these are not shown. With a FILE that viver plan --out has written it shows that plan, if it still holds; give
the values of variables as they were given to plan. It asks no machine and changes nothing.

` + addressHelp,
		Example: `  viver show
  viver show pc07
  viver show 'node.pc[0]'
  viver show pac.boot
  viver show --json | jq '.instances[].addr'
  viver show monday.plan`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			found, _ := words(a.addresses)(cmd, args, begun)
			return found, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && isFile(args[0]) {
				return a.showPlan(cmd.Context(), args[0])
			}
			s, err := a.open().remembered(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) > 0 {
				return a.showInstances(s, args)
			}
			return a.showState(s)
		},
	}
	a.variableFlags(cmd)
	a.detailFlag(cmd)
	return cmd
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func (a *app) showState(s *state.State) error {
	if a.json {
		return a.printJSON(ui.JSONState(s))
	}
	if len(s.Instances) == 0 {
		fmt.Fprintln(a.out, "Nothing is remembered: nothing was applied yet, or all of it was destroyed.")
	}
	if err := a.showAll(ui.Ordered(s)); err != nil {
		return err
	}
	a.open().view.Outputs(outputs(s))
	return nil
}

func (a *app) showAll(instances []*state.Instance) error {
	for n, i := range instances {
		if n > 0 {
			fmt.Fprintln(a.out)
		}
		if err := ui.WriteInstance(a.out, i); err != nil {
			return err
		}
	}
	return nil
}

// showInstances shows what some queries mean.
func (a *app) showInstances(s *state.State, queries []string) error {
	var list []*state.Instance
	for _, q := range queries {
		found, err := s.Find(q)
		if err != nil {
			return fmt.Errorf("show: there is no such file, and in the %w", err)
		}
		for _, at := range found {
			list = append(list, s.Instances[at])
		}
	}
	if !a.json {
		return a.showAll(list)
	}
	all := []any{}
	for _, i := range list {
		all = append(all, ui.JSONInstance(i))
	}
	return a.printJSON(all)
}

func (a *app) showPlan(ctx context.Context, path string) error {
	file, f, p, err := a.openPlan(path)
	if err != nil {
		return err
	}
	s, err := p.readState(ctx, false)
	if err != nil {
		return err
	}
	made, err := p.again(ctx, file, s)
	if err != nil {
		return err
	}
	p.view.Plan(made, p.next("apply "+quoted(path), f))
	return nil
}

// openPlan reads a saved plan, and the project that it was made for.
func (a *app) openPlan(path string) (*planfile.File, scope, *project, error) {
	file, err := planfile.Read(path)
	if err != nil {
		return nil, scope{}, nil, err
	}
	f := scopeOf(file)
	p, err := a.loadFor(f)
	return file, f, p, err
}

// again makes a saved plan again, and fails if it is another one by now.
func (p *project) again(ctx context.Context, file *planfile.File, s *state.State) (*plan.Plan, error) {
	basis, f := p.basis(s), scopeOf(file)
	if err := file.Check(basis); err != nil {
		return nil, err
	}
	if p.config != nil {
		p.config.SetPlanTime(file.Time)
	}
	o := p.planOptions(s, f)
	var err error
	if o.Seen, err = file.Observations(); err != nil {
		return nil, err
	}
	made, err := p.makeFrom(ctx, o, f.destroy)
	if err != nil {
		return nil, err
	}
	return made, file.Same(basis, made)
}
