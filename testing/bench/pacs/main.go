// Command pacs measures how long examples/classroom takes from `viver apply` until a pupil has logged in at each PC, and what each further PC costs
// where only steps are to be taken. All machines are virtual ones of a lab, the server too: an installed Debian that is there when the time begins, as is
// the image.
//
// It prints a table and leaves the figures in out/bench/pacs.json; with -docs it makes a page of those instead.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"viver/testing/bench/reportfile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	nodes := flag.String("nodes", "2,4", "of how many PCs the classrooms are; steps are taken in the last")
	rounds := flag.Int("rounds", 3, "how often the steps are taken; the median counts")
	out := flag.String("out", "out/bench/pacs.json", "where the figures go")
	docs := flag.String("docs", "", "folder to write a page of these figures into; nothing is measured")
	flag.Parse()
	err := error(nil)
	if *docs != "" {
		err = document(*out, *docs)
	} else {
		err = run(ctx, *nodes, *rounds, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench pacs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, list string, rounds int, out string) error {
	sizes, err := numbers(list)
	if err != nil {
		return err
	}
	if rounds < 1 {
		return fmt.Errorf("-rounds %d: one at least", rounds)
	}
	report := newReport(rounds)
	for i, n := range sizes {
		if err := report.measure(ctx, n, i == len(sizes)-1); err != nil {
			return fmt.Errorf("%d PCs: %w", n, err)
		}
	}
	report.end()
	fmt.Print(report.table())
	return reportfile.Save(out, report)
}

// numbers reads the flag -nodes.
func numbers(list string) (sizes []int, err error) {
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostPCs {
			return nil, fmt.Errorf("-nodes %s: want numbers from 1 to %d, with commas between them", list, mostPCs)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}
