package apply

import (
	"context"
	"errors"
	"slices"

	"viver/planner/plan"
	"viver/planner/resource"
)

// Status is how a change ended.
type Status int

// The ends of a change.
const (
	NotStarted Status = iota // the run was stopped before it
	Done
	Failed
	Blocked // something that it needs failed, so it was not started
	// Unrecorded: it is done, but that, or what went along with it, could not be written to the state
	Unrecorded
)

// End is how one change of the plan ended.
type End struct {
	Change *plan.Change
	Status Status
	Err    error        // Status is Failed, or Unrecorded: why it was not written
	Cause  *plan.Change // Status is Blocked: the change that failed before it
}

// obstacle says why a member cannot be begun: the end of something that it needs and that is not there, nor among what is done together with
// it. ok: there is none.
func (r *run) obstacle(m plan.Member, together map[plan.Spot]bool) (e End, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, need := range m.Needs {
		if together[need] {
			continue
		}
		before := r.Plan.Vertices[need.Vertex].Members[need.Member]
		switch e := r.ends[part{before.Change, before.Action}]; e.Status {
		case Failed:
			return End{Status: Blocked, Cause: r.Plan.Changes[before.Change]}, false
		case Blocked:
			return End{Status: Blocked, Cause: e.Cause}, false
		case NotStarted, Unrecorded:
			return End{}, false
		}
	}
	return End{}, true
}

// result says of each change how it ended. Of a change with two parts the worse end counts; what goes along with something else ends
// with that.
func (r *run) result() *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	ends := map[int]End{}
	note := func(i int, e End) {
		if before, ok := ends[i]; !ok || severity(e.Status) > severity(before.Status) {
			ends[i] = e
		}
	}
	for n, v := range r.Plan.Vertices {
		along := End{Status: NotStarted}
		if r.emptied[n] {
			along.Status = Done
		}
		for _, m := range v.Members {
			e := r.ends[part{m.Change, m.Action}]
			note(m.Change, e)
			if along = e; e.Status == Failed {
				along = End{Status: Blocked, Cause: r.Plan.Changes[m.Change]}
			}
		}
		for _, i := range slices.Concat(v.Baked, v.Forgets) {
			note(i, along)
		}
	}
	result := &Result{}
	for i, c := range r.Plan.Changes {
		if c.Action == resource.NoOp {
			continue
		}
		e := ends[i]
		e.Change = c
		result.Ends = append(result.Ends, e)
		result.Stopped = result.Stopped || e.Status == NotStarted || errors.Is(e.Err, context.Canceled)
	}
	return result
}

func severity(s Status) int {
	return map[Status]int{Done: 0, NotStarted: 1, Unrecorded: 2, Blocked: 3, Failed: 4}[s]
}
