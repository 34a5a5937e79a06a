package main

import "testing"

func TestEvaluateComparesWithinRounds(t *testing.T) {
	speeds := make(map[[2]string][]float64)
	for _, load := range loads() {
		speeds[[2]string{viver, load.name}] = []float64{30, 11, 220}
		speeds[[2]string{nbdkit, load.name}] = []float64{20, 10, 200} // the machine changes its speed from round to round
		speeds[[2]string{qemu, load.name}] = []float64{10, 5, 100}
	}
	r := evaluate(speeds, 1, 3)
	if got := r.Servers[0].Loads[0]; got.OfNbdkit != 1.1 || got.MedianMBs != 30 {
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
