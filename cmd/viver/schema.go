package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"viver/planner/schemadoc"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [TYPE]",
		Short: "Describe the language: blocks, arguments, functions",
		Long: `schema lists the types of blocks that a configuration can have, or describes one of them. With --json it prints all of it: types, what is
required, computed or sensitive, defaults, documentation, and the functions; an editor can complete names from it.`,
		Example: `  viver schema
  viver schema node
  viver schema step.file
  viver schema --json >viver.schema.json`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.schema().Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			d := a.schema()
			if len(args) == 0 && a.json {
				return a.printJSON(d)
			}
			if len(args) == 0 {
				return d.Overview(a.out)
			}
			b, ok := d.Find(args[0])
			switch {
			case !ok:
				return fmt.Errorf("schema: there is no type %q; there are %s", args[0], strings.Join(d.Names(), ", "))
			case a.json:
				return a.printJSON(b)
			}
			return b.Text(a.out, args[0])
		},
	}
}

func (a *app) schema() *schemadoc.Document { return schemadoc.Of(version, a.open().types) }
