package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"viver/planner/plan"
	"viver/planner/state"
)

func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration",
		Long: `validate reads and evaluates the configuration as plan does, and says what is wrong with it. It looks at no state and asks no
machine. Variables without a default need a value.`,
		Example: `  viver validate
  viver validate -C rooms/physics`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			made, diags := plan.Make(cmd.Context(), p.planOptions(&state.State{}, scope{}))
			if err := p.report(diags); err != nil {
				return err
			}
			if !a.json {
				fmt.Fprintf(a.out, "The configuration is valid. Instances in it: %d.\n", len(made.Changes))
			}
			return nil
		},
	}
	a.variableFlags(cmd)
	return cmd
}
