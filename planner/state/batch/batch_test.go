package batch_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"viver/planner/state/batch"
)

// TestThoseWhoWaitAreServedTogether: while the first is served, the others come; they are served at once, and each gets its own answer.
func TestThoseWhoWaitAreServedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := batch.New[int]()
		odd := errors.New("odd")
		gate := make(chan struct{})
		var rounds []int
		serve := func(values []int) []error {
			rounds = append(rounds, len(values))
			<-gate
			errs := make([]error, len(values))
			for n, v := range values {
				if v%2 == 1 {
					errs[n] = odd
				}
			}
			return errs
		}
		var all sync.WaitGroup
		do := func(v int) {
			all.Go(func() {
				if err := q.Do(v, serve); (err == odd) != (v%2 == 1) {
					t.Errorf("%d: %v", v, err)
				}
			})
		}
		do(0)
		synctest.Wait()
		for v := 1; v <= 10; v++ {
			do(v)
		}
		synctest.Wait()
		gate <- struct{}{}
		synctest.Wait()
		gate <- struct{}{}
		all.Wait()
		if len(rounds) != 2 || rounds[0] != 1 || rounds[1] != 10 {
			t.Errorf("served %v", rounds)
		}
	})
}
