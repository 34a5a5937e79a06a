// Command nbd measures package nodeimage/nbd next to other NBD servers: nbdkit and qemu-nbd, all with the same random
// data in RAM, in the same run and in turns, because the machine under them is never quiet for long.
//
// It prints a table and leaves the figures in out/bench/nbd.json. It owns the measuring only, not the limits that its figures
// are held to elsewhere; it says itself whether the targets are met.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"text/tabwriter"

	"viver/testing/bench/reportfile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) == 4 && os.Args[1] == "serve" { // the child that is measured
		exit(serve(ctx, os.Args[2], os.Args[3]))
		return
	}
	size := flag.Int64("mib", 540, "size of the export in MiB")
	rounds := flag.Int("rounds", 15, "how often each server takes each load; the median counts")
	out := flag.String("out", "out/bench/nbd.json", "where the figures go")
	flag.Parse()
	exit(bench(ctx, *size<<20, *rounds, *out))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench nbd:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, size int64, rounds int, out string) error {
	if size <= 0 || rounds <= 0 {
		return fmt.Errorf("-mib and -rounds must be positive")
	}
	dir, err := os.MkdirTemp("/dev/shm", "viver-bench-nbd-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "data")
	if err := fill(file, size); err != nil {
		return err
	}
	servers, err := start(ctx, file)
	if err != nil {
		return err
	}
	defer servers.stop()
	report, err := measure(ctx, servers, size, rounds)
	if err != nil {
		return err
	}
	print(report)
	return reportfile.Save(out, report)
}

func print(r Report) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "server\t")
	for _, load := range loads() {
		fmt.Fprintf(w, "%s MB/s\tof nbdkit\tCPU s/GB\t", load.name)
	}
	fmt.Fprintln(w)
	for _, s := range r.Servers {
		fmt.Fprintf(w, "%s\t", s.Server)
		for _, l := range s.Loads {
			fmt.Fprintf(w, "%.0f\t%.2f x\t%.2f\t", l.MedianMBs, l.OfNbdkit, l.CPUSecondsPerGB)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Printf("Load average %.1f before, %.1f after, of %d processors.\n", r.LoadAverage[0], r.LoadAverage[1], runtime.NumCPU())
	for _, t := range r.Targets {
		word := "reached"
		if !t.Reached {
			word = "MISSED"
		}
		fmt.Printf("%s: %.2f x, at least %.2f wanted: %s\n", t.Name, t.Got, t.Want, word)
	}
}
