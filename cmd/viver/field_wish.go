package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"viver/nodeimage/spec"
	"viver/providers/fleet"
)

func (a *app) fieldDrainCommand() *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use:   "drain NODE",
		Short: "Have nobody read from a machine",
		Long: `drain tells all nodes that have joined to ask a machine, a node or a seed, only when nobody else has a chunk. A node that is drained hands its
share over to others, and stays: it can be switched off then without anybody noticing. viver field status shows when it has nothing left
that others lack.

It lasts until it is undone. A node that was not told, or is started again, does not know of it.`,
		Example: `  viver field drain pc07
  viver field drain pc07 --undo`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			drain := !undo
			done := args[0] + " is drained"
			if undo {
				done = args[0] + " is asked again"
			}
			return a.tell(cmd.Context(), spec.FieldWish{Name: args[0], Drain: &drain}, done)
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "have them read from it again")
	return cmd
}

func (a *app) fieldPreferCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "prefer NODE FACTOR",
		Short: "Have nodes read more, or less, from a machine",
		Long: `prefer tells all nodes that have joined how fast to take a machine for, a node or a seed: with 2 it is asked as if it were twice as fast as
it shows itself, with 0.5 half as fast, and with 1 as it is. A node that was not told, or is started again, does not know of it; what is to last
belongs into the configuration: a block field in node has prefer too.`,
		Example: `  viver field prefer seed2 4
  viver field prefer seed2 1     as before`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			factor, err := strconv.ParseFloat(args[1], 64)
			if err != nil || !(factor > 0 && factor < 1e6) {
				return fmt.Errorf("field prefer: %q is no factor above 0 and below a million: 2 is twice as often, 1 is normal", args[1])
			}
			done := fmt.Sprintf("%s is taken to be %s times as fast", args[0], args[1])
			if factor == 1 {
				done = args[0] + " is taken for as fast as it is"
			}
			return a.tell(cmd.Context(), spec.FieldWish{Name: args[0], Prefer: factor}, done)
		},
	}
}

// tell tells all nodes that have joined, and says what is done by it.
func (a *app) tell(ctx context.Context, w spec.FieldWish, done string) error {
	f := a.fleet()
	defer f.Agents.Pool.Close()
	machines, err := a.joinedNodes(ctx, f)
	if err != nil {
		return err
	}
	answers := f.Wish(ctx, machines, w)
	missed, why := refusals(answers)
	if a.json {
		err = a.printJSON(answers)
	} else if told := len(answers) - missed; told > 0 {
		fmt.Fprintf(a.out, "%s: %d of %d nodes were told.\n", done, told, len(answers))
	}
	if err == nil && missed > 0 {
		err = fmt.Errorf("field: %d of %d nodes were not told: %s", missed, len(answers), why)
	}
	return err
}

// refusals counts the nodes that were not told, and says why; what several say is said once.
func refusals(answers []fleet.Told) (missed int, why string) {
	var texts []string
	by := map[string][]string{}
	for _, t := range answers {
		if t.Error == "" {
			continue
		}
		missed++
		if by[t.Error] == nil {
			texts = append(texts, t.Error)
		}
		by[t.Error] = append(by[t.Error], t.Node)
	}
	for i, text := range texts {
		texts[i] = several(by[text]) + ": " + text
	}
	return missed, strings.Join(texts, "; ")
}
