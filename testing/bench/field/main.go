// Command field measures V-FIELD next to a plain NBD server: a seed holds so many bytes of random data in its RAM, and all nodes read
// them through at the same moment, each over a line of its own (package testing/links). What counts is the bytes of all over the time of the last.
//
// Cold: only the seed holds data. Warm: every node holds its share. The peer is nbdkit with nbdcopy, without TLS and verification; viver
// has both. The figures go to out/bench/field.json, and a table and a plot of them to docs. It needs root.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"viver/testing/bench/reportfile"
	"viver/testing/links"
	"viver/testing/links/crowd"
)

// Systems and modes.
const (
	viver  = "viver"
	nbdkit = "nbdkit"
	cold   = "cold"
	warm   = "warm"
)

// contest is one measurement.
type contest struct {
	system, mode string
	nodes        int
	rate         links.Rate
}

// options are what the flags say.
type options struct {
	bytes, cache int64
	rounds       int
	atOnce       int
	profile      string
	verbose      bool
	room         string
}

func main() {
	crowd.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench field:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context) error {
	var o options
	nodes := flag.String("nodes", "1,4,8,16", "how many nodes read at once, in turns")
	mbit := flag.Int64("mbit", 100, "rate of each line in Mbit/s; above 16 nodes it is halved")
	flag.Int64Var(&o.bytes, "bytes", 128<<20, "size of the data; 540000000 is the old headline")
	flag.Int64Var(&o.cache, "cache", 64<<20, "bytes of RAM of a node beside its share")
	flag.BoolVar(&o.verbose, "v", false, "print what each of viver's nodes has counted")
	flag.IntVar(&o.rounds, "rounds", 1, "how often each is measured; the median counts")
	flag.IntVar(&o.atOnce, "at-once", 32, "how many chunks of 256 KiB a node asks for at once")
	flag.StringVar(&o.profile, "profile", "", "a folder for profiles of viver's nodes, NAME.cpu, of the last contest")
	flag.StringVar(&o.room, "room", "bench-field", "name of the network; two runs at the same time need two")
	systems := flag.String("systems", viver+","+nbdkit, "which systems are measured")
	modes := flag.String("modes", cold+","+warm, "which of viver's modes are measured")
	out := flag.String("out", "out/bench/field.json", "where the figures go")
	docs := flag.String("docs", "", "a folder in which field.md and field.svg are made of the figures in -out; nothing is measured then")
	flag.Parse()
	if *docs != "" {
		return document(*out, *docs)
	}
	contests, err := contestsOf(*nodes, links.Rate(*mbit)*links.Mbit, strings.Split(*systems, ","), strings.Split(*modes, ","))
	if err != nil {
		return err
	}
	if o.bytes < 1<<20 || o.rounds < 1 || o.atOnce < 1 || o.cache < 1 {
		return fmt.Errorf("-bytes must be a MiB at least, and -rounds, -at-once and -cache positive")
	}
	report, err := measure(ctx, contests, o)
	if err != nil {
		return err
	}
	if err := show(os.Stdout, report); err != nil {
		return err
	}
	return reportfile.Save(*out, report)
}

// contestsOf reads the flags' lists. A plain server has no modes: it is always cold.
func contestsOf(nodes string, rate links.Rate, systems, modes []string) (list []contest, err error) {
	for _, text := range strings.Split(nodes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 200 {
			return nil, fmt.Errorf("-nodes %s: want numbers of nodes, 1 to 200", nodes)
		}
		rate := rate
		if n > 16 {
			rate /= 2
		}
		for _, s := range systems {
			switch {
			case s == nbdkit:
				list = append(list, contest{s, cold, n, rate})
			case s != viver:
				return nil, fmt.Errorf("-systems: there is no %q; want some of %s, %s", s, viver, nbdkit)
			}
			for _, m := range modes {
				if m != cold && m != warm {
					return nil, fmt.Errorf("-modes: there is no %q; want some of %s, %s", m, cold, warm)
				}
				if s == viver && (m == cold || n > 1) {
					list = append(list, contest{s, m, n, rate})
				}
			}
		}
	}
	return slices.Clip(list), nil
}
