package apply_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"viver/planner/apply"
	"viver/planner/plan"
)

// TestRolloutEndsAfterTooManyFailures: with one failure more than may be, no other machine is begun, and those that were not say why.
func TestRolloutEndsAfterTooManyFailures(t *testing.T) {
	r := newRoom(t)
	all := []declaration{}
	for i := range 12 {
		all = append(all, declaration{kind: "node", name: fmt.Sprintf("pc%02d", i), on: -1, value: "old"})
	}
	if r.apply(t, all, nil).Failed() {
		t.Fatal("it failed")
	}
	for i := range all {
		all[i].value = "new"
	}
	var mu sync.Mutex
	busy, most, tried := 0, 0, 0
	r.fails = func(at string) error {
		tried++
		if strings.HasSuffix(at, "3") || strings.HasSuffix(at, "5") {
			return errBroken
		}
		return nil
	}
	result := r.apply(t, all, func(o *apply.Options) {
		o.Plan.Rollouts = map[string]plan.Rollout{"room": {MaxUnavailable: 1, MaxFailed: 1}}
		for i := range o.Plan.Vertices {
			o.Plan.Vertices[i].Group = "room"
		}
		o.Observe = func(e apply.Event) {
			mu.Lock()
			defer mu.Unlock()
			switch e.Kind {
			case apply.Started:
				busy++
				most = max(most, busy)
			case apply.Ended:
				busy--
			}
		}
	})
	counts := map[apply.Status]int{}
	for _, e := range result.Ends {
		counts[e.Status]++
		if e.Status == apply.Blocked && e.Cause.Addr.String() != "node.pc05" {
			t.Errorf("%s is blocked by %s", e.Change.Addr, e.Cause.Addr)
		}
	}
	if most != 1 || tried != 6 || counts[apply.Done] != 4 || counts[apply.Failed] != 2 || counts[apply.Blocked] != 6 {
		t.Errorf("%d at once, %d tried, ends %v", most, tried, counts)
	}
}
