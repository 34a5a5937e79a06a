package main

import "github.com/spf13/cobra"

// commands are all that viver can do, in the order of a day's work.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.initCommand(), a.fmtCommand(), a.validateCommand(), a.planCommand(), a.applyCommand(), a.destroyCommand(), a.showCommand(), a.outputCommand(),
		a.graphCommand(), a.consoleCommand(), a.stateCommand(), a.forceUnlockCommand(), a.schemaCommand(), a.testCommand(), a.pacCommand(), a.manCommand(),
		a.nodesCommand(), a.fieldCommand(), a.imageCommand(), a.imagesCommand(), a.sshCommand(), labCommand(), a.versionCommand(),
	}
}
