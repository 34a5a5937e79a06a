package main

import "github.com/spf13/cobra"

func (a *app) destroyCommand() *cobra.Command {
	var flags carryOut
	scope := scope{destroy: true}
	cmd := &cobra.Command{
		Use:   "destroy",
		Short: "Take everything away",
		Long: `destroy takes away all that apply has brought about, in reverse: those that use something before what they use, so machines are
switched off before the services that they boot from end. It says which machines do not answer, and asks before it begins. It needs the
state only; the configuration may be broken or gone. Values of variables are taken as by apply, and are not needed.

Where some machines stay, one that goes hands over to them what it holds of the root that they share, and stays on if it cannot: --force
switches it off all the same. When no machine stays, nothing is handed over.

` + addressHelp,
		Example: `  viver destroy
  viver destroy --target 'node.pc[pc07]'   one machine, and what uses it
  viver destroy --exclude server.seed      all but the server and what it needs
  viver destroy --refresh=false            ask no machine before
  viver destroy --target pc07 --force      whatever others lose by it
  viver destroy --auto-approve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			p := a.open()
			flags.resume = p.command()
			return p.planAndCarryOut(cmd, scope, flags)
		},
	}
	a.variableFlags(cmd)
	a.detailFlag(cmd)
	flags.flags(cmd)
	scope.flags(cmd)
	return cmd
}
