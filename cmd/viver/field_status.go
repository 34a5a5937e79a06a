package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"viver/providers/fleet"
)

// errSeedNeeded ends field status --detailed-exitcode where the seed may not go.
var errSeedNeeded = fmt.Errorf("the seed is needed: %w", errChanges)

func (a *app) fieldStatusCommand() *cobra.Command {
	var detailed bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what the nodes hold, and whether the seed may go",
		Long: `status asks all nodes that have joined, at once, what they hold and what they have read.

The first table has one line for each image: on how many nodes its chunks are, as most nodes see it. The graph shows which part of them was
on as many nodes as there are to be, over the last half hour at most. The second table has one line for each node: RAM for its share and for
its cache, used and at most; chunks that it has, and those that it is still to get; which part of the reads found the chunk there; and what came
from nodes and seeds and was given to others. Of a node that does not answer it says why, and the exit code is 1.

The seed may go when every node takes part and sees every chunk on enough others. Machines that are switched on after that find no kernel.`,
		Example: `  viver field status
  viver field status --json | jq .seed_may_go
  viver field status --detailed-exitcode && ssh seed poweroff`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.fieldSummary(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(s)
			} else {
				err = printField(a.out, s)
			}
			switch {
			case err != nil:
			case silent(s.Nodes) > 0:
				err = fmt.Errorf("field: %d of %d nodes do not tell how they are", silent(s.Nodes), len(s.Nodes))
			case detailed && !s.SeedMayGo:
				err = errSeedNeeded
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit code 2 if the seed may not go, 0 if it may")
	return cmd
}

// fieldSummary asks all nodes that have joined.
func (a *app) fieldSummary(ctx context.Context) (fleet.FieldSummary, error) {
	f := a.fleet()
	defer f.Agents.Pool.Close()
	machines, err := a.joinedNodes(ctx, f)
	if err != nil {
		return fleet.FieldSummary{}, err
	}
	return fleet.Summarize(f.Field(ctx, machines)), nil
}

// silent counts the nodes that say nothing.
func silent(views []fleet.FieldView) (n int) {
	for _, v := range views {
		if v.Status == nil {
			n++
		}
	}
	return n
}
