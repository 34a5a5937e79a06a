package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/ui"
)

func (a *app) outputCommand() *cobra.Command {
	var raw bool
	cmd := &cobra.Command{
		Use:   "output [NAME]",
		Short: "Print output values",
		Long: `output prints the output values of the last apply that succeeded: all, or one. Sensitive values are not remembered and so
cannot be printed.`,
		Example: `  viver output
  viver output --raw address
  viver output --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := a.open()
			s, err := p.remembered(cmd.Context())
			if err != nil {
				return err
			}
			all := outputs(s)
			if len(args) == 0 {
				return a.printOutputs(p, all)
			}
			o, ok := all[args[0]]
			if !ok {
				return fmt.Errorf("output: there is no output %q in the state: declare it and run viver apply", args[0])
			}
			return a.printOutput(args[0], o, raw)
		},
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "print a string, number or bool as it is, without quotes")
	return cmd
}

func (a *app) printOutputs(p *project, all map[string]ui.Output) error {
	if !a.json {
		p.view.Outputs(all)
		return nil
	}
	object := map[string]any{}
	for name, o := range all {
		object[name] = ui.JSONOutput(o)
	}
	return a.printJSON(object)
}

func (a *app) printOutput(name string, o ui.Output, raw bool) error {
	switch {
	case o.Sensitive:
		return fmt.Errorf("output: %s is sensitive, and such values are not remembered", name)
	case a.json:
		return a.printJSON(ui.JSONOutput(o))
	case raw:
		text, err := rawText(o.Value)
		if err != nil {
			return fmt.Errorf("output: %s: %w", name, err)
		}
		fmt.Fprintln(a.out, text)
	default:
		fmt.Fprintln(a.out, ui.Format(o))
	}
	return nil
}

func rawText(v cty.Value) (string, error) {
	if v.IsNull() || !v.Type().IsPrimitiveType() {
		return "", fmt.Errorf("--raw is for strings, numbers and bools, and this is %s: use --json", v.Type().FriendlyName())
	}
	if v.Type() == cty.String {
		return v.AsString(), nil
	}
	return ui.Format(ui.Output{Value: v}), nil
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
