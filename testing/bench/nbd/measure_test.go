package main

import (
	"testing"
	"time"
)

func TestEvaluateComparesWithinRounds(t *testing.T) {
	results := make(table)
	for _, load := range loads() { // the machine changes its speed from round to round
		*results.of(viver, load.name) = figures{speeds: []float64{30, 11, 220}, bytes: 2e9, cpu: time.Second}
		*results.of(nbdkit, load.name) = figures{speeds: []float64{20, 10, 200}, bytes: 1e9}
		*results.of(qemu, load.name) = figures{speeds: []float64{10, 5, 100}, bytes: 1e9}
	}
	r := evaluate(results, 1, 3)
	if got := r.Servers[0].Loads[0]; got.OfNbdkit != 1.1 || got.MedianMBs != 30 || got.CPUSecondsPerGB != 0.5 {
		t.Errorf("got %+v", got)
	}
	if len(r.Targets) != 2 || r.Targets[0].Reached || !r.Targets[1].Reached {
		t.Errorf("1.1 x reaches the second target only: %+v", r.Targets)
	}
}

func TestMedian(t *testing.T) {
	if m := median([]float64{3, 1, 2}); m != 2 {
		t.Errorf("of three: %v", m)
	}
	if m := median([]float64{4, 1, 2, 3}); m != 2.5 {
		t.Errorf("of four: %v", m)
	}
}
