package apply_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"viver/planner/apply"
	"viver/planner/state"
)

// losing is a store that takes so many changes and then none any more.
type losing struct {
	*state.Store
	mu   sync.Mutex
	left int // guarded by mu
}

var errLost = errors.New("nobody answers there")

func (l *losing) Append(changes ...state.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left--; l.left < 0 {
		return errLost
	}
	return l.Store.Append(changes...)
}

// TestLostState: whenever the state is lost, nothing is begun any more, what was done and not written is told apart from what failed, and
// written later it is as if nothing had been lost.
func TestLostState(t *testing.T) {
	all := []declaration{
		{kind: "thing", name: "a", on: -1},
		{kind: "thing", name: "b", on: -1, uses: []int{0}},
		{kind: "server", name: "s", on: -1},
		{kind: "step.file", name: "one", on: 2},
		{kind: "step.file", name: "two", on: 2, uses: []int{1}},
		{kind: "image", name: "i", on: -1},
		{kind: "step.file", name: "baked", on: 5},
	}
	whole := 0
	for left := 0; whole == 0; left++ {
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			r := newRoom(t)
			p, c, store := r.plan(t, all)
			l := &losing{Store: store, left: left}
			result, err := apply.Run(t.Context(), apply.Options{Plan: p, Store: l, Config: c, Types: r.types(), Parallelism: 1})
			if err == nil {
				whole = left
				_ = store.Close()
				return
			}
			if !errors.Is(err, errLost) || !result.Failed() {
				t.Fatalf("%v, failed: %t", err, result.Failed())
			}
			later := store.State()
			for _, change := range result.Unrecorded {
				later.Apply(change)
			}
			for _, e := range result.Ends {
				r.checkEnd(t, e, store.State(), later)
			}
			if err := store.Replace(later); err != nil {
				t.Fatal(err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			before := len(r.calls)
			done := len(r.things)
			if r.apply(t, all, nil).Failed() || len(r.calls)-before != len(all)-done {
				t.Errorf("%d were there of %d, and then done was %q", done, len(all), r.calls[before:])
			}
			r.check(t)
		})
	}
	if whole < 8 {
		t.Errorf("all was well after %d changes", whole)
	}
}

// checkEnd compares an end with the world and with what is remembered of it, now and when all is written.
func (r *room) checkEnd(t *testing.T, e apply.End, now, later *state.State) {
	t.Helper()
	at := e.Change.Addr.String()
	known := func(s *state.State) bool { i := s.Instances[at]; return i != nil && i.Status == state.Complete }
	there := r.things[at] != nil
	switch e.Status {
	case apply.Done:
		if !there || !known(now) {
			t.Errorf("%s counts as done: it is there: %t, and remembered: %t", at, there, known(now))
		}
	case apply.Unrecorded:
		alone := e.Change.Type != "image" // else it may be a step in it that was not written
		if !there || known(now) && alone || !known(later) || !errors.Is(e.Err, errLost) {
			t.Errorf("%s counts as not written: it is there: %t, remembered: %t, later: %t", at, there, known(now), known(later))
		}
	case apply.NotStarted:
		if there {
			t.Errorf("%s counts as not begun, and is there", at)
		}
	default:
		t.Errorf("%s ended as %d: %v", at, e.Status, e.Err)
	}
}
