package main

import (
	"context"
	"errors"
	"slices"
	"testing"

	"viver/nodeimage/spec"
)

func at(joined float64) round {
	return round{stages: map[spec.Stage]float64{spec.StageJoined: joined}, network: 30e6, root: 20e6}
}

func TestEvaluateComparesWithinRounds(t *testing.T) {
	contests := []contest{{local, 1}, {viver, 1}, {viver, 4}}
	rows := evaluate(contests, results{ // the machine changes its speed from round to round
		contests[0]: {at(20), at(10), at(40)},
		contests[1]: {at(24), at(13), at(44)},
		contests[2]: {at(50), at(50), at(50)},
	})
	if got := rows[1]; got.RatioToLocal != 1.2 || got.Seconds != 24 || got.ReadMB != 30 || got.RootMB != 20 {
		t.Errorf("got %+v", got)
	}
	if got := rows[2].RatioToLocal; got != 0 {
		t.Errorf("four machines are compared with one: %v", got)
	}
	if g := target(rows); g == nil || !g.Reached || g.Got != 1.2 {
		t.Errorf("target %+v", g)
	}
	if g := target(rows[2:]); g != nil {
		t.Errorf("a target that nothing was measured for: %+v", g)
	}
	if g := target([]Row{{System: viver, Nodes: 1, RatioToLocal: 1.26}}); g.Reached {
		t.Error("1.26 x reaches the target")
	}
}

func TestRoundIsThatOfTheLastMachine(t *testing.T) {
	r := roundOf([]boot{
		{stages: map[spec.Stage]float64{spec.StageRoot: 5, spec.StageJoined: 20}, network: 10, root: 2},
		{stages: map[spec.Stage]float64{spec.StageRoot: 6, spec.StageJoined: 19}, network: 20, root: 4},
	})
	if joinedOf(r) != 20 || r.stages[spec.StageRoot] != 6 || r.network != 15 || r.root != 3 {
		t.Errorf("got %+v", r)
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

func TestContests(t *testing.T) {
	got, err := contestsOf("1,4", "local,viver")
	want := []contest{{local, 1}, {viver, 1}, {local, 4}, {viver, 4}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range [][2]string{{"0", local}, {"", local}, {"1", "floppy"}} {
		if _, err := contestsOf(bad[0], bad[1]); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

// stubborn fails so often before it boots.
type stubborn struct{ fails, asked int }

func (s *stubborn) close(context.Context) error { return nil }

func (s *stubborn) boot(_ context.Context, nodes int) ([]boot, error) {
	if s.asked++; s.asked <= s.fails {
		return nil, errors.New("stuck")
	}
	return make([]boot, nodes), nil
}

func TestBootThatFailsIsRepeatedAndCounted(t *testing.T) {
	if r, err := hold(t.Context(), &stubborn{fails: 1}, contest{local, 2}); err != nil || r.failed != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
	s := &stubborn{fails: 9}
	if _, err := hold(t.Context(), s, contest{local, 2}); err == nil || s.asked != tries {
		t.Errorf("after %d failures: %v", s.asked, err)
	}
}
