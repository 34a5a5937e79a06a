package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"viver/planner/lang"
	"viver/planner/state"
)

func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration",
		Long: `validate reads and evaluates the configuration as plan does, and says what is wrong with it. It looks at no state and asks no
machine. Where variables have no value, as in the folder of a Pac, it checks what can be said without: syntax, names, arguments and types.`,
		Example: `  viver validate
  viver validate -C rooms/physics
  viver validate -C pacs/motd
  viver validate --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			return p.validate(cmd.Context())
		},
	}
	a.variableFlags(cmd)
	return cmd
}

func (p *project) validate(ctx context.Context) error {
	missing := p.withoutValue()
	instances := 0
	if len(missing) == 0 {
		made, err := p.evaluate(ctx, &state.State{})
		if err != nil {
			return err
		}
		instances = len(made.Changes)
	}
	switch {
	case p.json:
		return json.NewEncoder(p.out).Encode(map[string]any{"type": "validate", "valid": true, "evaluated": len(missing) == 0, "instances": instances, "without_value": missing})
	case len(missing) > 0:
		fmt.Fprintf(p.out, "The configuration is valid as far as it can be said without values for its variables: %s.\n", strings.Join(missing, ", "))
	default:
		fmt.Fprintf(p.out, "The configuration is valid. Instances in it: %d.\n", instances)
	}
	return nil
}

// withoutValue lists the variables that need a value and have none.
func (p *project) withoutValue() []string {
	missing := []string{}
	for _, v := range p.config.Variables() {
		given := slices.ContainsFunc(p.inputs, func(i lang.Input) bool { return i.Name == v.Name })
		if v.Required && !given {
			missing = append(missing, v.Name)
		}
	}
	return missing
}
