// Command boot measures how long a machine takes from its power button until it has joined, and what it reads over the network
// till then: viver, next to the same root on the machine's own disk, and next to the same root from nbd-server with a plain
// initramfs, in the same run and in turns, because the machine under them is never quiet for long.
//
// It prints a table and leaves the figures in out/bench/boot.json. It owns the measuring and the two peers; it says itself
// whether the target is met.
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

// labPrefix begins the names of all labs of this benchmark.
const labPrefix = "bench-"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	rounds := flag.Int("rounds", roundsWanted(), "how often each system boots; the median counts; the environment's ROUNDS sets it too")
	nodes := flag.String("nodes", "1,4", "how many machines boot at once, in turns")
	only := flag.String("systems", strings.Join([]string{local, nbdServer, viver}, ","), "which systems boot")
	out := flag.String("out", "out/bench/boot.json", "where the figures go")
	flag.Parse()
	if err := run(ctx, *rounds, *nodes, *only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench boot:", err)
		os.Exit(1)
	}
}

// roundsWanted is what the environment says, or 3.
func roundsWanted() int {
	if n, err := strconv.Atoi(os.Getenv("ROUNDS")); err == nil {
		return n
	}
	return 3
}

func run(ctx context.Context, rounds int, nodes, systems, out string) error {
	if rounds <= 0 {
		return fmt.Errorf("-rounds must be positive")
	}
	contests, err := contestsOf(nodes, systems)
	if err != nil {
		return err
	}
	before := loadAverage()
	all, err := compare(ctx, rounds, contests)
	if err != nil {
		return err
	}
	r := newReport(rounds, before, evaluate(contests, all))
	if err := show(r); err != nil {
		return err
	}
	return reportfile.Save(out, r)
}

// contestsOf reads the flags' comma-separated lists.
func contestsOf(nodes, systems string) (list []contest, err error) {
	for _, text := range strings.Split(nodes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-nodes %s: want numbers of machines", nodes)
		}
		for _, s := range strings.Split(systems, ",") {
			if s != local && s != nbdServer && s != viver {
				return nil, fmt.Errorf("-systems %s: want some of %s, %s, %s", systems, local, nbdServer, viver)
			}
			list = append(list, contest{s, n})
		}
	}
	return list, nil
}
