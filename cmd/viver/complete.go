package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"viver/planner/addr"
	"viver/planner/state"
)

// complete lets shells complete addresses and names. What there is follows from the configuration and the state, and nobody is asked.
func (a *app) complete(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		for _, flag := range []string{"target", "exclude", "replace"} {
			if cmd.Flags().Lookup(flag) != nil {
				_ = cmd.RegisterFlagCompletionFunc(flag, words(a.addresses))
			}
		}
		switch cmd.Name() {
		case "ssh":
			cmd.ValidArgsFunction = first(a.nodeNames)
		case "output":
			cmd.ValidArgsFunction = first(a.outputNames)
		}
	}
}

// words completes from a list, whatever stands before.
func words(list func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return slices.DeleteFunc(list(), func(w string) bool { return !strings.HasPrefix(w, begun) }), cobra.ShellCompDirectiveNoFileComp
	}
}

// first completes the first word only.
func first(list func() []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words(list)(cmd, args, begun)
	}
}

// addresses are those of blocks and Pacs in the configuration, and of blocks and instances in the state.
func (a *app) addresses() []string {
	found := map[string]bool{}
	p := a.open()
	p.read(a.found())
	for _, name := range p.config.Names() {
		if !strings.HasPrefix(name, "var.") && !strings.HasPrefix(name, "local.") {
			found[name] = true
		}
	}
	if s, err := state.Read(p.stateDir); err == nil {
		for at, i := range s.Instances {
			found[at], found[i.Group] = true, true
		}
	}
	return slices.SortedFunc(maps.Keys(found), addr.Natural)
}

// nodeNames are the names of the nodes that the last apply brought about.
func (a *app) nodeNames() []string {
	s, err := state.Read(a.open().stateDir)
	if err != nil {
		return nil
	}
	var names []string
	for _, i := range s.Instances {
		if i.Type == "node" && i.Inputs.Type().IsObjectType() && i.Inputs.Type().HasAttribute("name") {
			if name := text(i.Inputs.GetAttr("name")); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, addr.Natural)
	return names
}

func (a *app) outputNames() []string {
	s, err := state.Read(a.open().stateDir)
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.Outputs))
}
