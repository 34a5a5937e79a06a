package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"viver/planner/diagram"
	"viver/planner/state"
)

func (a *app) graphCommand() *cobra.Command {
	var form string
	var instances bool
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Draw what depends on what",
		Long: `graph draws the configuration: what needs what, so in which order apply works. It looks at no state and asks no machine. All instances of a
block are one node, and what follows from other dependencies is left out. The form is dot, for Graphviz, or text.`,
		Example: `  viver graph | dot -Tsvg >graph.svg
  viver graph --format text
  viver graph --instances --format text`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if form != "dot" && form != "text" {
				return fmt.Errorf("graph: --format %s: want dot or text", form)
			}
			p, err := a.load()
			if err != nil {
				return err
			}
			made, err := p.evaluate(cmd.Context(), &state.State{})
			if err != nil {
				return err
			}
			switch d := diagram.Of(made, instances); {
			case a.json:
				return a.printJSON(d)
			case form == "text":
				return d.Text(a.out)
			default:
				return d.DOT(a.out)
			}
		},
	}
	a.variableFlags(cmd)
	cmd.Flags().StringVar(&form, "format", "dot", "`dot` or text")
	cmd.Flags().BoolVar(&instances, "instances", false, "draw each instance, not each block")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"dot", "text"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
