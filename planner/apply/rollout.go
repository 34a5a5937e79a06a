package apply

import (
	"cmp"
	"slices"

	"viver/planner/plan"
)

// limit says how many machines of a vertex's group may be worked on at the same time.
func (r *run) limit(n int) (group string, most int) {
	group = r.Plan.Vertices[n].Group
	return group, r.Plan.Rollouts[group].MaxUnavailable
}

// overdrawn returns the last failure of a group in which more machines failed than may, or nil.
func (r *run) overdrawn(v plan.Vertex) *plan.Change {
	limit, ok := r.Plan.Rollouts[v.Group]
	if !ok || limit.MaxFailed < 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := r.failed[v.Group]
	if len(failed) <= limit.MaxFailed {
		return nil
	}
	return failed[len(failed)-1]
}

// failedOn notes that work on a machine of a group failed. mu is held.
func (r *run) failedOn(v plan.Vertex, c *plan.Change) {
	if v.Group == "" {
		return
	}
	same := func(other *plan.Change) bool { return machineOf(other) == machineOf(c) }
	if !slices.ContainsFunc(r.failed[v.Group], same) {
		r.failed[v.Group] = append(r.failed[v.Group], c)
	}
}

func machineOf(c *plan.Change) string { return cmp.Or(c.Machine, c.Addr.String()) }
