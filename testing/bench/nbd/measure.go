package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	wire "viver/nodeimage/nbd"
)

// Report is what is written to out/bench/nbd.json.
type Report struct {
	SizeBytes int64 `json:"size_bytes"`
	Rounds    int   `json:"rounds"`
	// LoadAverage is that of the last minute before and after: above 1, others were busy with the machine too.
	LoadAverage [2]float64     `json:"load_average"`
	Servers     []ServerReport `json:"servers"`
	Targets     []Target       `json:"targets"`
}

// ServerReport is one server under all loads.
type ServerReport struct {
	Server string       `json:"server"`
	Loads  []LoadReport `json:"loads"`
}

// LoadReport is one server under one load. MB are 10^6 bytes.
type LoadReport struct {
	Load      string    `json:"load"`
	MBs       []float64 `json:"mb_per_second"` // of each round
	MedianMBs float64   `json:"median_mb_per_second"`
	// OfNbdkit is the median, over the rounds, of the speed divided by that of nbdkit in the same round.
	OfNbdkit float64 `json:"of_nbdkit"`
	// CPUSecondsPerGB is the server's processor time, over all rounds. It tells more than the speed when the machine is busy.
	CPUSecondsPerGB float64 `json:"server_cpu_seconds_per_gb"`
}

// Target is what the server must reach.
type Target struct {
	Name    string  `json:"name"`
	Want    float64 `json:"want"`
	Got     float64 `json:"got"`
	Reached bool    `json:"reached"`
}

// load reads from a server and returns how many bytes it got.
type load struct {
	name string
	run  func(ctx context.Context, s server, size int64) (int64, error)
}

func loads() []load {
	return []load{
		{"nbdcopy, 1 connection", func(ctx context.Context, s server, size int64) (int64, error) { return copyAll(ctx, s, size, 1) }},
		{"nbdcopy, 4 connections", func(ctx context.Context, s server, size int64) (int64, error) { return copyAll(ctx, s, size, 4) }},
		{"random 128 KiB, 16 at once", randomReads},
	}
}

func copyAll(ctx context.Context, s server, size int64, connections int) (int64, error) {
	out, err := exec.CommandContext(ctx, "nbdcopy", "--connections="+strconv.Itoa(connections), s.uri(), "null:").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("nbdcopy from %s: %w: %s", s.name, err, out)
	}
	return size, nil
}

// randomReads reads as much as the export holds, by viver's own client over one connection.
func randomReads(ctx context.Context, s server, size int64) (int64, error) {
	const block, atOnce = 128 << 10, 16
	client, err := wire.Dial(ctx, s.address, export)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	each := size / block / atOnce
	if each == 0 {
		return 0, fmt.Errorf("%d bytes are too few for %d times %d", size, atOnce, block)
	}
	readers, ctx := errgroup.WithContext(ctx)
	for i := range atOnce {
		readers.Go(func() error {
			p, where := make([]byte, block), rand.New(rand.NewPCG(1, uint64(i)))
			for range each {
				if err := client.ReadAt(ctx, p, where.Int64N(size/block)*block); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
			}
			return nil
		})
	}
	return each * atOnce * block, readers.Wait()
}

// figures are those of one server under one load.
type figures struct {
	speeds []float64 // MB/s, of each round
	bytes  int64
	cpu    time.Duration // of the server
}

// table holds figures by server and load.
type table map[[2]string]*figures

func (t table) of(server, load string) *figures {
	key := [2]string{server, load}
	if t[key] == nil {
		t[key] = new(figures)
	}
	return t[key]
}

// measure gives each load to the servers in turns, in another order each time.
func measure(ctx context.Context, all servers, size int64, rounds int) (Report, error) {
	before, results := loadAverage(), make(table)
	for range rounds {
		for _, load := range loads() {
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for _, s := range all {
				if err := results.of(s.name, load.name).add(ctx, load, s, size); err != nil {
					return Report{}, err
				}
			}
		}
	}
	r := evaluate(results, size, rounds)
	r.LoadAverage = [2]float64{before, loadAverage()}
	return r, nil
}

// add runs a load once.
func (f *figures) add(ctx context.Context, load load, s server, size int64) error {
	cpu, err := s.cpu()
	if err != nil {
		return err
	}
	begin := time.Now()
	bytes, err := load.run(ctx, s, size)
	if err != nil {
		return err
	}
	f.speeds = append(f.speeds, float64(bytes)/1e6/time.Since(begin).Seconds())
	f.bytes += bytes
	after, err := s.cpu()
	f.cpu += after - cpu
	return err
}

func evaluate(results table, size int64, rounds int) Report {
	r := Report{SizeBytes: size, Rounds: rounds}
	for _, name := range []string{viver, nbdkit, qemu} {
		s := ServerReport{Server: name}
		for _, load := range loads() {
			s.Loads = append(s.Loads, results.of(name, load.name).report(load.name, results.of(nbdkit, load.name)))
		}
		r.Servers = append(r.Servers, s)
	}
	for i, want := range []float64{1.2, 1} {
		l := r.Servers[0].Loads[i]
		r.Targets = append(r.Targets, Target{Name: l.Load, Want: want, Got: l.OfNbdkit, Reached: l.OfNbdkit >= want})
	}
	return r
}

func (f *figures) report(load string, nbdkit *figures) LoadReport {
	ratios := make([]float64, len(f.speeds))
	for i := range ratios {
		ratios[i] = f.speeds[i] / nbdkit.speeds[i]
	}
	return LoadReport{
		Load: load, MBs: f.speeds, MedianMBs: median(f.speeds), OfNbdkit: median(ratios),
		CPUSecondsPerGB: f.cpu.Seconds() / (float64(f.bytes) / 1e9),
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
