package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"viver/nodeimage/spec"
)

// wanted is the target: how many times as long as from its own disk a machine may take.
const wanted = 1.25

// Report is what is written to out/bench/boot.json.
type Report struct {
	Rounds int `json:"rounds"`
	// LoadAverage is that of the last minute before and after. The machines themselves make most of it.
	LoadAverage [2]float64 `json:"load_average"`
	Processors  int        `json:"processors"`
	Rows        []Row      `json:"rows"`
	Target      *Target    `json:"target,omitempty"` // nil: viver or local did not boot
}

// Row is one system with so many machines booting at once. Times are seconds since QEMU was started; MB are 10^6 bytes.
type Row struct {
	System string    `json:"system"`
	Nodes  int       `json:"nodes"`
	Each   []float64 `json:"seconds_of_each_round"` // until the last machine had joined
	// Seconds is the median of Each.
	Seconds float64 `json:"seconds_to_joined"`
	// Stages are medians too; each is reached when the last machine has reached it.
	Stages map[spec.Stage]float64 `json:"stages"`
	// ReadMB is what one machine received over the network until joined: firmware, kernel, initramfs, root. RootMB is what was read of the
	// root's block device, over the network or not.
	ReadMB float64 `json:"mb_read"`
	RootMB float64 `json:"root_mb_read"`
	// RatioToLocal is the median, over the rounds, of the time divided by that of local in the same round; 0: local did not boot.
	RatioToLocal float64 `json:"ratio_to_local"`
	// Failed counts boots that did not get to joined and were repeated; they are in no other figure.
	Failed int `json:"failed"`
}

// Target is what viver must reach.
type Target struct {
	Name    string  `json:"name"`
	Want    float64 `json:"want"` // at most
	Got     float64 `json:"got"`
	Reached bool    `json:"reached"`
}

// results are the boots of each round, by system and number of machines.
type results map[contest][]round

type contest struct {
	system string
	nodes  int
}

// round is what the machines of one system did in one round.
type round struct {
	stages        map[spec.Stage]float64 // of the last machine
	network, root float64                // bytes of one machine, on the average
	failed        int                    // boots before this one
}

func roundOf(boots []boot) round {
	r := round{stages: map[spec.Stage]float64{}}
	for _, b := range boots {
		for s, at := range b.stages {
			r.stages[s] = max(r.stages[s], at)
		}
		r.network += float64(b.network) / float64(len(boots))
		r.root += float64(b.root) / float64(len(boots))
	}
	return r
}

func joinedOf(r round) float64 { return r.stages[spec.StageJoined] }

// evaluate makes the rows, in the given order.
func evaluate(contests []contest, all results) (rows []Row) {
	for _, c := range contests {
		rounds, locals := all[c], all[contest{local, c.nodes}]
		row := Row{
			System: c.system, Nodes: c.nodes, Each: values(rounds, joinedOf), Stages: map[spec.Stage]float64{},
			Seconds: median(values(rounds, joinedOf)),
			ReadMB:  median(values(rounds, func(r round) float64 { return r.network / 1e6 })),
			RootMB:  median(values(rounds, func(r round) float64 { return r.root / 1e6 })),
		}
		for _, r := range rounds {
			row.Failed += r.failed
		}
		for s := range rounds[0].stages {
			row.Stages[s] = median(values(rounds, func(r round) float64 { return r.stages[s] }))
		}
		if len(locals) == len(rounds) {
			var ratios []float64
			for i := range rounds {
				ratios = append(ratios, joinedOf(rounds[i])/joinedOf(locals[i]))
			}
			row.RatioToLocal = median(ratios)
		}
		rows = append(rows, row)
	}
	return rows
}

// target is about one machine alone: with several, the processors of this computer are what is measured.
func target(rows []Row) *Target {
	for _, r := range rows {
		if r.System == viver && r.Nodes == 1 && r.RatioToLocal > 0 {
			return &Target{Name: "viver, 1 machine, beside its own disk", Want: wanted, Got: r.RatioToLocal, Reached: r.RatioToLocal <= wanted}
		}
	}
	return nil
}

func values(rounds []round, of func(round) float64) (list []float64) {
	for _, r := range rounds {
		list = append(list, of(r))
	}
	return list
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// stagesShown are columns of the table.
var stagesShown = []spec.Stage{spec.StageKernel, spec.StageNetwork, spec.StageRoot, spec.StageInit, spec.StageJoined}

func show(r Report) error {
	fmt.Println("\nSeconds since QEMU's start, medians")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "system\tnodes\t")
	for _, s := range stagesShown {
		fmt.Fprintf(w, "%s\t", s)
	}
	fmt.Fprintln(w, "of local\tMB received\tMB of root\tfailed\t")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s\t%d\t", row.System, row.Nodes)
		for _, s := range stagesShown {
			fmt.Fprintf(w, "%s\t", orDash(row.Stages[s], "%.1f"))
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%d\t\n", orDash(row.RatioToLocal, "%.2f x"), row.ReadMB, row.RootMB, row.Failed)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("Load average %.1f before, %.1f after, of %d processors.\n", r.LoadAverage[0], r.LoadAverage[1], r.Processors)
	if t := r.Target; t != nil {
		fmt.Printf("%s: %.2f x, at most %.2f wanted: %s\n", t.Name, t.Got, t.Want, map[bool]string{true: "reached", false: "MISSED"}[t.Reached])
	}
	return nil
}

func orDash(value float64, format string) string {
	if value == 0 {
		return "-"
	}
	return fmt.Sprintf(format, value)
}

// loadAverage returns that of the last minute; 0 if the kernel does not tell.
func loadAverage() float64 {
	data, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(data), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}

func newReport(rounds int, before float64, rows []Row) Report {
	return Report{Rounds: rounds, LoadAverage: [2]float64{before, loadAverage()}, Processors: runtime.NumCPU(), Rows: rows, Target: target(rows)}
}
