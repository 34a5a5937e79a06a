package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"viver/planner/state"
)

func (a *app) stateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Look at what is remembered, and put it right",
		Long: `state shows what viver remembers of what it has done, and changes that without touching any machine.

The state is kept in the folder .viver beside the configuration, or where a block says, for several operators:

  viver {
    state "ssh" {
      host = "seed.example.org"
      path = "/srv/viver/lab"        # also: user, port, identity_file, host_key
    }
  }

  viver {
    state "etcd" {
      endpoints = ["https://10.0.0.1:2379"]
      prefix    = "/viver/lab/"      # also: ca_file, cert_file, key_file, user, password_file
    }
  }

Each change keeps the state before it: in a folder as backup-N.json.`,
		Example: `  viver state list
  viver state mv 'node.pc[3]' 'node.lab["pc04"]'
  viver state rm --dry-run node.old`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.stateListCommand(), a.stateShowCommand(), a.stateMoveCommand(), a.stateForgetCommand(), a.statePullCommand(), a.statePushCommand(),
		a.stateRepairCommand())
	return cmd
}

// listed is one instance in a list.
type listed struct {
	Addr    string       `json:"addr"`
	Type    string       `json:"type"`
	Machine string       `json:"machine,omitempty"`
	Status  state.Status `json:"status"`
	Protect bool         `json:"protect"`
}

func (a *app) stateListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [ADDRESS...]",
		Short: "List what is remembered",
		Long: `list prints the address of everything that is remembered, or of what addresses or names of machines mean. What the last
apply did not finish is marked. It is an error when nothing is meant.

` + addressHelp,
		Example: `  viver state list
  viver state list node.pc pac.boot pc07
  viver state list --json | jq -r '.[] | select(.status == "incomplete").addr'`,
		ValidArgsFunction: words(a.addresses),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := a.pick(cmd.Context(), args)
			if err != nil {
				return err
			}
			return a.printList(found)
		},
	}
}

// pick returns the instances that queries mean, all without queries, in order.
func (a *app) pick(ctx context.Context, queries []string) (all []*state.Instance, err error) {
	s, err := a.open().remembered(ctx)
	if err != nil {
		return nil, err
	}
	chosen := map[string]bool{}
	for _, q := range queries {
		found, err := s.Find(q)
		if err != nil {
			return nil, err
		}
		for _, at := range found {
			chosen[at] = true
		}
	}
	for _, at := range s.Addresses() {
		if len(queries) == 0 || chosen[at] {
			all = append(all, s.Instances[at])
		}
	}
	return all, nil
}

func (a *app) printList(all []*state.Instance) error {
	if a.json {
		list := []listed{}
		for _, i := range all {
			list = append(list, listed{i.Addr, i.Type, i.Machine, i.Status, i.Protect})
		}
		return a.printJSON(list)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.DiscardEmptyColumns)
	for _, i := range all {
		note := ""
		if i.Status == state.Incomplete {
			note = "\tincomplete"
		}
		fmt.Fprintf(w, "%s%s\n", i.Addr, note)
	}
	return w.Flush()
}

func (a *app) stateShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ADDRESS...",
		Short: "Show all that is remembered of something",
		Long: `show prints what is remembered of instances: arguments, computed attributes, and what they depend on. Of sensitive values only digests are
remembered, and these are not shown; --json has them.

` + addressHelp,
		Example: `  viver state show 'node.pc[0]'
  viver state show --json pac.boot`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: words(a.addresses),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := a.pick(cmd.Context(), args)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(found)
			}
			return a.showAll(found)
		},
	}
}

func (a *app) statePullCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pull",
		Short: "Print the whole state",
		Long: `pull prints the state as one JSON document, as push takes it. There is no secret in it: of sensitive values it has digests, whose key
stays where the state is kept. Who keeps the state elsewhere from now on pulls it, changes the state block, and pushes it; the next plan
then shows sensitive arguments as changed once, since the key is another one.`,
		Example: `  viver state pull >lab.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.open().remembered(cmd.Context())
			if err != nil {
				return err
			}
			if s.Lineage == "" {
				return errors.New("state: nothing is remembered yet: run viver apply")
			}
			data, err := state.Encode(s)
			if err != nil {
				return err
			}
			_, err = a.out.Write(data)
			return err
		},
	}
}
