// Command field measures V-FIELD next to a plain NBD server, over a line for each machine (package testing/links). It needs root.
//
//   - cold, warm: a seed holds so many bytes of random data in its RAM, and all nodes read them through at the same moment. What counts is the
//     bytes of all over the time of the last. Cold: only the seed holds data. Warm: every node holds its share.
//   - storm: all nodes boot at the same moment: each reads what a boot reads of its root, in that order, the trace. What counts is the time of
//     the last beside that of one that boots alone.
//   - storm-join: as storm, but the nodes become members at that moment too, and not before. Nobody knows of the others at first. Each machine has
//     a processor for that, while the processes of one computer wait for each other.
//   - local: what is asked of one member over the NBD export of its own machine. A hit is in its RAM; beside it nbdkit's plugin memory. A miss
//     comes from one other member; beside it the same reads, asked of that one directly over the same line.
//
// The peer is nbdkit, without TLS and verification; viver has both. It is read by nbdcopy, and in storm and local by the client that reads viver too.
//
// The trace in testdata is derived and not recorded (-derive): from a real image, its manifest and its superblock. A trace of a real boot can take
// its place: nbdkit's filter log tells offsets and lengths.
//
// The figures go to out/bench/field.json, and tables and a plot of them to docs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"viver/testing/bench/reportfile"
	"viver/testing/links"
	"viver/testing/links/crowd"
)

// options are what the flags say of how it is measured.
type options struct {
	bytes, cache int64
	rounds       int
	atOnce       int
	profile      string
	verbose      bool
	room         string
	trace        trace
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

func command(ctx context.Context) (err error) {
	var o options
	w := wishFlags()
	o.flags()
	path := flag.String("trace", "testing/bench/field/testdata/boot.trace", "file with what a boot reads, for storm")
	image := flag.String("derive", "", "folder of an image whose boot trace is written to -trace; nothing is measured then")
	out := flag.String("out", "out/bench/field.json", "where the figures go")
	docs := flag.String("docs", "", "a folder in which field.md and field.svg are made of the figures in -out; nothing is measured then")
	flag.Parse()
	switch {
	case *docs != "":
		return document(*out, *docs)
	case *image != "":
		return derive(*image, *path)
	}
	contests, err := w().contests()
	if err != nil {
		return err
	}
	if o.bytes < 1<<20 || o.rounds < 1 || o.atOnce < 1 || o.cache < 1 {
		return fmt.Errorf("-bytes must be a MiB at least, and -rounds, -at-once and -cache positive")
	}
	if slices.ContainsFunc(contests, contest.boots) {
		if o.trace, err = loadTrace(*path); err != nil {
			return err
		}
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

func (o *options) flags() {
	flag.Int64Var(&o.bytes, "bytes", 128<<20, "size of the data; 540000000 is the old headline")
	flag.Int64Var(&o.cache, "cache", 64<<20, "bytes of RAM of a node beside its share")
	flag.BoolVar(&o.verbose, "v", false, "print what each of viver's nodes has counted")
	flag.IntVar(&o.rounds, "rounds", 1, "how often each is measured; the median counts")
	flag.IntVar(&o.atOnce, "at-once", 32, "how many chunks of 256 KiB a node asks for at once, when it reads the data through")
	flag.StringVar(&o.profile, "profile", "", "a folder for profiles of viver's nodes, NAME.cpu, of the last contest")
	flag.StringVar(&o.room, "room", "bench-field", "name of the network; two runs at the same time need two")
}

// wishFlags returns what is to be called when the flags have been read.
func wishFlags() func() wish {
	nodes := flag.String("nodes", "1,4,8,16", "how many nodes read at once, in turns")
	mbit := flag.Int64("mbit", 100, "rate of each line in Mbit/s; above 16 nodes it is halved")
	stormNodes := flag.String("storm-nodes", "16,60", "how many nodes boot at once, in turns")
	stormMbit := flag.Int64("storm-mbit", 20, "rate of each line then: as many nodes as fast would measure the processors")
	localMbit := flag.String("local-mbit", "1000,10000", "rates of each line when a miss is measured, in turns; at 10000 it is the processors that are measured")
	systems := flag.String("systems", viver+","+nbdkit, "which systems are measured; local needs both")
	modes := flag.String("modes", strings.Join([]string{cold, warm, storm, joinStorm, local}, ","), "what is measured; nbdkit has cold, storm and local only")
	return func() wish {
		rate := func(mbit int64) links.Rate { return links.Rate(mbit) * links.Mbit }
		return wish{
			nodes: *nodes, rate: rate(*mbit), stormNodes: *stormNodes, stormRate: rate(*stormMbit), localMbit: *localMbit,
			systems: strings.Split(*systems, ","), modes: strings.Split(*modes, ","),
		}
	}
}
