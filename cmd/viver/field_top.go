package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
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
			return errors.Join(printTraffic(a.out, traffic, interval), a.missed(after))
		}
		if err := show(out, traffic, interval); err != nil {
			return err
		}
		before = after
	}
}

// missed warns of nodes that say nothing.
func (a *app) missed(views []fleet.FieldView) error {
	for _, v := range views {
		if v.Status == nil {
			a.warn(fmt.Errorf("%s: %s", v.Node, v.Error))
		}
	}
	return nil
}

// show puts the interval in the place of the one before, as far as it fits on the terminal.
func show(out *os.File, t fleet.Traffic, interval time.Duration) error {
	var text strings.Builder
	if err := printTraffic(&text, t, interval); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if _, rows, err := term.GetSize(int(out.Fd())); err == nil && rows > 1 {
		lines = lines[:min(len(lines), rows-1)]
	}
	// ECMA-48: to the upper left corner; each line is cleared to its end, and then the rest of the screen.
	_, err := fmt.Fprintf(out, "\x1b[H%s\x1b[K\n\x1b[J", strings.Join(lines, "\x1b[K\n"))
	return err
}

func printTraffic(out io.Writer, t fleet.Traffic, interval time.Duration) error {
	fmt.Fprintf(out, "Nodes: %d. They read %s from nodes and %s from seeds, and gave %s. Of %d chunks %d were there.\n",
		t.Readers, speed(t.FromNodes), speed(t.FromSeeds), speed(t.Served), t.Chunks, t.Hits)
	fmt.Fprintf(out, "A chunk takes %s, %s, %s (p50, p95, p99, where it is longest). In %s: hedges %d, of them won %d, stalls %d.\n\n",
		brief(t.P50), brief(t.P95), brief(t.P99), interval, t.Hedges, t.HedgeWins, t.Stalls)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FROM\tRATE\tCHUNK\tWAITING\tREADERS\tFAILURES\tNOTE")
	for _, s := range t.Sources {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", s.Name, speed(s.Rate), brief(s.Chunk), binary(s.Waiting), s.Readers, s.Failures, cmp.Or(noteOf(s), "-"))
	}
	return w.Flush()
}

// noteOf says what is special about a source.
func noteOf(s fleet.Source) string {
	var all []string
	if s.Seed {
		all = append(all, "seed")
	}
	if len(s.DrainedBy) > 0 {
		all = append(all, "spared by "+several(s.DrainedBy))
	}
	if len(s.BannedBy) > 0 {
		all = append(all, "not asked by "+several(s.BannedBy))
	}
	return strings.Join(all, "; ")
}

// speed is a rate in bytes per second, for people.
func speed(rate float64) string { return fmt.Sprintf("%.1f MB/s", rate/1e6) }

// brief is a time with two digits or so; "-" if there is none.
func brief(d time.Duration) string {
	switch {
	case d <= 0:
		return "-"
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
