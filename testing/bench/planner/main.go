// Command planner measures `viver plan` beside OpenTofu, both with configurations that say the same, in the same run and in turns, because
// the machine under them is never quiet for long.
//
// It prints a table and leaves the figures in out/bench/planner.json. OpenTofu is built from its Go module, and left out with a note where
// that is not possible.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"text/tabwriter"
	"time"

	"viver/testing/bench/reportfile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	viver := flag.String("viver", "bin/viver", "the program to measure, as make build leaves it")
	rounds := flag.Int("rounds", 5, "how often each plan is made; the median counts")
	patience := flag.Duration("patience", 8*time.Minute, "how long the peer may take for one plan; it gets no larger ones then")
	peer := flag.Bool("peer", true, "measure OpenTofu too")
	out := flag.String("out", "out/bench/planner.json", "where the figures go")
	flag.Parse()
	if err := bench(ctx, *viver, *rounds, *patience, *peer, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench planner:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, viver string, rounds int, patience time.Duration, peer bool, out string) error {
	viver, err := filepath.Abs(viver)
	if err != nil {
		return err
	}
	if _, err := os.Stat(viver); err != nil {
		return fmt.Errorf("%w: run make build first", err)
	}
	programs := []program{{name: "viver", path: viver, files: viverFiles, args: []string{"plan", "--refresh=false"}, patience: time.Minute}}
	var report Report
	if peer {
		tofu, err := buildTofu(ctx)
		if err != nil {
			report.Note = "OpenTofu could not be built: " + err.Error()
			fmt.Fprintln(os.Stderr, report.Note)
		} else {
			programs = append(programs, program{
				name: "tofu " + tofuVersion, path: tofu, files: tofuFiles, args: []string{"plan", "-refresh=false", "-input=false", "-no-color"},
				prepare: []string{"init", "-input=false", "-no-color"}, patience: patience,
			})
		}
	}
	if report.Plans, err = measureAll(ctx, programs, cases(), rounds); err != nil {
		return err
	}
	if report.Room, err = applyRoom(ctx, roomNodes, roomSteps); err != nil {
		return err
	}
	report.judge()
	report.print()
	return reportfile.Save(out, report)
}

func (r *Report) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "configuration\tinstances\tprogram\twall s\tCPU s\tMB\tus/instance\t")
	for _, p := range r.Plans {
		if p.Failure != "" {
			fmt.Fprintf(w, "%s\t%d\t%s\t%.40q\t\t\t\t\n", p.Case, p.Instances, p.Program, p.Failure)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%.2f\t%.2f\t%.0f\t%.0f\t\n", p.Case, p.Instances, p.Program, p.WallSeconds, p.CPUSeconds, p.RSSMB, p.MicrosecondsEach)
	}
	w.Flush()
	for _, t := range r.Targets {
		word := "reached"
		if !t.Reached {
			word = "MISSED"
		}
		fmt.Printf("%s: %.2f, at most %.2f wanted: %s\n", t.Name, t.Got, t.Want, word)
	}
}
