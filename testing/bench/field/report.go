package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
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
	Mode     string `json:"mode"`   // cold, warm, storm, storm-join, hit, miss or direct
	Nodes    int    `json:"nodes"`
	LinkMbit int64  `json:"link_mbit"` // each node's line, and the seed's; 0: nothing went over one
	// RatioToLink is how fast a node reads on the average, divided by its line's rate: all bytes over the time of the last node. Warm,
	// only bytes that came over the line count.
	RatioToLink float64   `json:"ratio_to_link"`
	Ratios      []float64 `json:"ratio_of_each_round"`
	Seconds     float64   `json:"seconds"`          // until the last node had read all
	NodeMBs     float64   `json:"mb_per_second"`    // that a node reads, from wherever
	SeedImages  float64   `json:"seed_sent_images"` // how often the seed has sent the data
	// CPUSecondsPerGB is the processor time of the seed and all nodes for a GB that a node has read; Seed is the seed's part of it.
	// Of hits, misses and direct reads it is the part of whom the data came from.
	CPUSecondsPerGB     float64 `json:"cpu_seconds_per_gb"`
	SeedCPUSecondsPerGB float64 `json:"seed_cpu_seconds_per_gb"`
	// ProcessorsUsed is that time for each second: near Processors it was they that were measured, and not the lines.
	ProcessorsUsed float64 `json:"processors_used"`
	NodeMB         float64 `json:"node_rss_mb"` // RAM of the largest node; of nbdkit's hits and of direct reads the server's and the client's
	// LateMS is by how many milliseconds a program that sleeps was woken late on the average: above 1 or so this computer had too much to do.
	LateMS float64 `json:"late_ms"`
	// Of a storm: until the last node had booted, and what one took that booted alone.
	SecondsLast   float64 `json:"seconds_last,omitempty"`
	SecondsSingle float64 `json:"seconds_single,omitempty"`
	// Ratio is, of a storm, the one divided by the other; of viver's hits their speed beside that of nbdkit's; of misses their time beside that of
	// direct reads.
	Ratio float64 `json:"ratio,omitempty"`
}

func newReport(o options, contests []contest, all map[contest][]result, before float64) Report {
	r := Report{
		Time: time.Now().UTC().Truncate(time.Second), SizeBytes: o.bytes, CacheBytes: o.cache, Rounds: o.rounds,
		LoadAverage: [2]float64{before, loadAverage()}, Processors: runtime.NumCPU(),
	}
	for _, c := range contests {
		row := c.row(all[c])
		r.Rows = append(r.Rows, row)
		if t, ok := row.target(); ok {
			r.Targets = append(r.Targets, t)
		}
	}
	return r
}

func (c contest) row(rounds []result) Row {
	of := func(figure func(result) float64) (list []float64) {
		for _, r := range rounds {
			list = append(list, figure(r))
		}
		return list
	}
	perGB := func(cpu time.Duration, r result) float64 { return cpu.Seconds() / (float64(r.read) / 1e9) }
	each := func(r result) float64 { return float64(r.read) / float64(c.nodes) } // bytes that a node has read
	ratios := of(c.ratio)
	row := Row{
		System: c.system, Mode: c.mode, Nodes: c.nodes, LinkMbit: int64(c.rate / links.Mbit), RatioToLink: median(ratios), Ratios: ratios,
		Seconds:             median(of(func(r result) float64 { return r.seconds })),
		NodeMBs:             median(of(func(r result) float64 { return each(r) / 1e6 / r.seconds })),
		SeedImages:          median(of(func(r result) float64 { return float64(r.seed) / each(r) })),
		CPUSecondsPerGB:     median(of(func(r result) float64 { return perGB(r.cpu, r) })),
		ProcessorsUsed:      median(of(func(r result) float64 { return r.cpu.Seconds() / r.seconds })),
		SeedCPUSecondsPerGB: median(of(func(r result) float64 { return perGB(r.seedCPU, r) })),
		NodeMB:              median(of(func(r result) float64 { return float64(r.rss) / 1e6 })),
		LateMS:              median(of(func(r result) float64 { return r.late.Seconds() * 1e3 })),
		SecondsSingle:       median(of(func(r result) float64 { return r.single })),
		Ratio:               median(of(func(r result) float64 { return r.beside })),
	}
	if c.boots() {
		row.SecondsLast = row.Seconds
	}
	return row
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
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
