package main

import (
	"strings"

	"github.com/spf13/cobra"

	"viver/planner/plan"
	"viver/planner/state"
)

func (a *app) planCommand() *cobra.Command {
	var scope scope
	var detailed bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what there is to do",
		Long: `plan compares the configuration with what was done before and with what it finds, and says what apply would do. It
changes nothing, and can run beside an apply.

Signs: + create, ~ update, -/+ replace, - destroy, ! could not be asked.`,
		Example: `  viver plan
  viver plan -C rooms/physics --var count=40
  viver plan --refresh=false            ask no machine, trust what is remembered
  viver plan --target image.desk        only the image, and what goes into it
  viver plan --detailed-exitcode        exit code 2 if there are changes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			s, err := state.Read(p.stateDir)
			if err != nil {
				return err
			}
			made, diags := plan.Make(cmd.Context(), p.planOptions(s, scope))
			if err := p.report(diags); err != nil {
				return err
			}
			p.view.Plan(made, strings.Replace(command(), "viver plan", "viver apply", 1))
			if err := p.checks(); err != nil {
				return err
			}
			if detailed && !made.Empty() {
				return errChanges
			}
			return nil
		},
	}
	a.variableFlags(cmd)
	scope.flags(cmd)
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit code 2 if there are changes, 0 if there are none")
	return cmd
}

// scope are the flags that say how far a plan reaches.
type scope struct {
	refresh bool
	targets []string
}

func (s *scope) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.refresh, "refresh", true, "ask what is there how it is")
	cmd.Flags().StringArrayVar(&s.targets, "target", nil, "address of an instance, a block or a Pac: only this and what it needs; can be repeated")
}
