package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"viver/testing/links"
)

// Report is what is written to out/bench/field.json. MB are 10^6 bytes, GB 10^9.
type Report struct {
	Time       time.Time `json:"time"`
	SizeBytes  int64     `json:"size_bytes"`
	CacheBytes int64     `json:"cache_bytes"` // of a node, beside its share
	Rounds     int       `json:"rounds"`
	// LoadAverage is that of the last minute before and after: what others did on this machine shows in it, and the benchmark itself.
	LoadAverage [2]float64 `json:"load_average"`
	Processors  int        `json:"processors"`
	Rows        []Row      `json:"rows"`
	Targets     []Target   `json:"targets"`
}

// Row is one system in one mode with so many nodes. Figures are medians over the rounds.
type Row struct {
	System   string `json:"system"` // viver or nbdkit
	Mode     string `json:"mode"`   // cold or warm
	Nodes    int    `json:"nodes"`
	LinkMbit int64  `json:"link_mbit"` // each node's line, and the seed's
	// RatioToLink is how fast a node reads on the average, divided by its line's rate: all bytes over the time of the last node. Warm,
	// only bytes that came over the line count.
	RatioToLink float64   `json:"ratio_to_link"`
	Ratios      []float64 `json:"ratio_of_each_round"`
	Seconds     float64   `json:"seconds"`          // until the last node had read all
	NodeMBs     float64   `json:"mb_per_second"`    // that a node reads, from wherever
	SeedImages  float64   `json:"seed_sent_images"` // how often the seed has sent the data
	// CPUSecondsPerGB is the processor time of the seed and all nodes for a GB that a node has read; Seed is the seed's part of it.
	CPUSecondsPerGB     float64 `json:"cpu_seconds_per_gb"`
	SeedCPUSecondsPerGB float64 `json:"seed_cpu_seconds_per_gb"`
	NodeMB              float64 `json:"node_rss_mb"` // RAM of the largest node
	// LateMS is by how many milliseconds a program that sleeps was woken late on the average: above 1 or so this computer had too much to do.
	LateMS float64 `json:"late_ms"`
}

// Target is what must be reached.
type Target struct {
	Name    string  `json:"name"`
	Want    float64 `json:"want"`
	Got     float64 `json:"got"`
	Reached bool    `json:"reached"`
}

func newReport(o options, contests []contest, all map[contest][]result, before float64) Report {
	r := Report{
		Time: time.Now().UTC().Truncate(time.Second), SizeBytes: o.bytes, CacheBytes: o.cache, Rounds: o.rounds,
		LoadAverage: [2]float64{before, loadAverage()}, Processors: runtime.NumCPU(),
	}
	for _, c := range contests {
		r.Rows = append(r.Rows, c.row(o.bytes, all[c]))
	}
	for _, row := range r.Rows {
		if want := wanted(row); want > 0 {
			name := fmt.Sprintf("%s, %s, %d nodes: part of the line's rate", row.System, row.Mode, row.Nodes)
			r.Targets = append(r.Targets, Target{name, want, row.RatioToLink, row.RatioToLink >= want})
		}
	}
	return r
}

// wanted is the part of the line's rate that a row must reach; 0: nothing is asked of it.
func wanted(r Row) float64 {
	switch {
	case r.System == viver && r.Mode == cold && (r.Nodes == 8 || r.Nodes == 16):
		return 0.80
	case r.System == viver && r.Mode == warm:
		return 0.90
	}
	return 0
}

func (c contest) row(bytes int64, rounds []result) Row {
	of := func(figure func(result) float64) (list []float64) {
		for _, r := range rounds {
			list = append(list, figure(r))
		}
		return list
	}
	perGB := func(cpu time.Duration, r result) float64 { return cpu.Seconds() / (float64(r.read) / 1e9) }
	ratios := of(c.ratio)
	return Row{
		System: c.system, Mode: c.mode, Nodes: c.nodes, LinkMbit: int64(c.rate / links.Mbit), RatioToLink: median(ratios), Ratios: ratios,
		Seconds:             median(of(func(r result) float64 { return r.seconds })),
		NodeMBs:             median(of(func(r result) float64 { return float64(bytes) / 1e6 / r.seconds })),
		SeedImages:          median(of(func(r result) float64 { return float64(r.seed) / float64(bytes) })),
		CPUSecondsPerGB:     median(of(func(r result) float64 { return perGB(r.cpu, r) })),
		SeedCPUSecondsPerGB: median(of(func(r result) float64 { return perGB(r.seedCPU, r) })),
		NodeMB:              median(of(func(r result) float64 { return float64(r.rss) / 1e6 })),
		LateMS:              median(of(func(r result) float64 { return r.late.Seconds() * 1e3 })),
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// show prints the table.
func show(out io.Writer, r Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "system\tmode\tnodes\tMbit/s\tof the line\tMB/s a node\tseconds\tseed sent\tCPU s/GB\tits seed\tMB RAM\tms late\t")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.2f\t%.2f\t%.1f\t%.2f x\t%.2f\t%.2f\t%.0f\t%.1f\t\n", row.System, row.Mode, row.Nodes, row.LinkMbit,
			row.RatioToLink, row.NodeMBs, row.Seconds, row.SeedImages, row.CPUSecondsPerGB, row.SeedCPUSecondsPerGB, row.NodeMB, row.LateMS)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%.0f MB of data. Load average %.1f before, %.1f after, of %d processors.\n",
		float64(r.SizeBytes)/1e6, r.LoadAverage[0], r.LoadAverage[1], r.Processors)
	for _, t := range r.Targets {
		fmt.Fprintf(out, "%s: %.2f, at least %.2f wanted: %s\n", t.Name, t.Got, t.Want, map[bool]string{true: "reached", false: "MISSED"}[t.Reached])
	}
	return nil
}

func load(path string) (r Report, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("there are no figures: run the benchmark first: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
