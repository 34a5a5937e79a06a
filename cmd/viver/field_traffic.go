package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"viver/providers/fleet"
)

// screen is what a terminal with so many rows is sent. ECMA-48: to the upper left corner; each line is cleared to its end, and then the rest.
func screen(t fleet.Traffic, interval time.Duration, rows int) (string, error) {
	var text strings.Builder
	if err := printTraffic(&text, t, interval); err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	return "\x1b[H" + strings.Join(lines[:min(len(lines), rows)], "\x1b[K\n") + "\x1b[K\n\x1b[J", nil
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
