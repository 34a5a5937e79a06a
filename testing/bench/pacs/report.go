package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report is what is written to out/bench/pacs.json.
type Report struct {
	Time   time.Time `json:"time"`
	Rounds int       `json:"rounds"` // of the steps
	// LoadAverage is that of the last minute before and after. The machines themselves make most of it.
	LoadAverage [2]float64 `json:"load_average"`
	Processors  int        `json:"processors"`
	StepsEach   int        `json:"steps_each"`
	Usable      []Usable   `json:"usable"`
	Steps       []Steps    `json:"steps"`
	// SecondsPerNode is what each PC more costs, by the line of least squares through Steps.
	SecondsPerNode float64 `json:"seconds_per_node"`
}

func newReport(rounds int) *Report {
	return &Report{
		Time: time.Now().UTC().Truncate(time.Second), Rounds: rounds, LoadAverage: [2]float64{loadAverage(), 0}, Processors: runtime.NumCPU(), StepsEach: stepsEach,
	}
}

// measure does what is measured in a classroom with so many PCs.
func (r *Report) measure(ctx context.Context, pcs int, steps bool) (err error) {
	c, err := open(ctx, pcs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	u, err := c.usable(ctx)
	if err != nil {
		return err
	}
	r.Usable = append(r.Usable, u)
	if steps {
		r.Steps, err = c.steps(ctx, r.Rounds)
	}
	return err
}

// end works out what follows from all figures.
func (r *Report) end() {
	r.LoadAverage[1] = loadAverage()
	r.SecondsPerNode = slope(r.Steps)
}

// slope is that of the line of least squares; 0 without two points.
func slope(list []Steps) float64 {
	var nodes, seconds, above, below float64
	for _, s := range list {
		nodes, seconds = nodes+float64(s.Nodes)/float64(len(list)), seconds+s.Seconds/float64(len(list))
	}
	for _, s := range list {
		off := float64(s.Nodes) - nodes
		above, below = above+off*(s.Seconds-seconds), below+off*off
	}
	if below == 0 {
		return 0
	}
	return above / below
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// loadAverage returns that of the last minute; 0 if the kernel does not tell.
func loadAverage() float64 {
	data, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(data), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}

// table is the figures with the words around them, for a page.
func (r *Report) table() string {
	var b strings.Builder
	b.WriteString("| PCs | PCs can boot | the last has joined | apply has ended | logged in at each |\n|--:|--:|--:|--:|--:|\n")
	for _, u := range r.Usable {
		fmt.Fprintf(&b, "| %d | %.0f s | %.0f s | %.0f s | %.0f s |\n", u.Nodes, u.Served, u.Joined, u.Applied, u.Login)
	}
	fmt.Fprintf(&b, "\nWith all in place, %d steps more were taken on so many of the PCs by another `viver apply`:\n\n| PCs | whole apply |\n|--:|--:|\n", r.StepsEach)
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "| %d | %.1f s |\n", s.Nodes, s.Seconds)
	}
	fmt.Fprintf(&b, "\nEach PC more costs %.2f s. Medians of %d rounds, measured %s; the load average was %.1f before and %.1f after, on %d processors.\n",
		r.SecondsPerNode, r.Rounds, r.Time.Format("2006-01-02 15:04 MST"), r.LoadAverage[0], r.LoadAverage[1], r.Processors)
	return b.String()
}
