package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"viver/nodeimage/spec"
	"viver/providers/fleet"
)

func (a *app) fieldTopCommand() *cobra.Command {
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "top [NODE]",
		Short: "Show from whom nodes read, how much and how fast",
		Long: `top shows what the nodes that have joined, or one of them, read in each interval, and from whom: the rate, how long a chunk takes, what is
asked for and has not come yet. On a terminal it goes on until Ctrl-C; into a pipe or a file, and with --json, it prints one interval. Nodes that
join after it has begun are not among those that are asked.`,
		Example: `  viver field top
  viver field top pc07 --interval 5s
  viver field top --json | jq '.sources[] | select(.failures > 0)'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if interval < 10*time.Millisecond {
				return fmt.Errorf("field top: --interval %s: at least 10ms is wanted", interval)
			}
			f := a.fleet()
			defer f.Agents.Pool.Close()
			machines, err := a.readers(cmd.Context(), f, args)
			if err != nil {
				return err
			}
			return a.fieldTop(cmd.Context(), f, machines, interval)
		},
	}
	cmd.Flags().DurationVar(&interval, "interval", 2*time.Second, "the `duration` that is looked at")
	return cmd
}

// readers are the node that is named, or all.
func (a *app) readers(ctx context.Context, f *fleet.Fleet, names []string) ([]spec.Machine, error) {
	if len(names) == 0 {
		return a.joinedNodes(ctx, f)
	}
	m, err := a.joinedNode(ctx, f, names[0])
	return []spec.Machine{m}, err
}

// fieldTop prints one interval, or, on a terminal, one after the other until ctx ends.
func (a *app) fieldTop(ctx context.Context, f *fleet.Fleet, machines []spec.Machine, interval time.Duration) error {
	out, ok := a.out.(*os.File)
	live := ok && !a.json && term.IsTerminal(int(out.Fd()))
	before := f.Field(ctx, machines)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(interval):
		}
		after := f.Field(ctx, machines)
		if n := silent(after); n == len(after) {
			return fmt.Errorf("field top: no node tells how it is: %s: %s", after[0].Node, after[0].Error)
		}
		traffic := fleet.TrafficBetween(before, after)
		switch {
		case a.json:
			return a.printJSON(traffic)
		case !live:
			a.missed(after)
			return printTraffic(a.out, traffic, interval)
		}
		if err := show(out, traffic, interval); err != nil {
			return err
		}
		before = after
	}
}

// missed warns of nodes that say nothing.
func (a *app) missed(views []fleet.FieldView) {
	for _, v := range views {
		if v.Status == nil {
			a.warn(fmt.Errorf("%s: %s", v.Node, v.Error))
		}
	}
}

// show puts the interval in the place of the one before, as far as it fits on the terminal.
func show(out *os.File, t fleet.Traffic, interval time.Duration) error {
	_, rows, err := term.GetSize(int(out.Fd()))
	if err != nil || rows < 2 {
		rows = 25
	}
	text, err := screen(t, interval, rows-1)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}
