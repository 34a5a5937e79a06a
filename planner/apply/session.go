package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/plan"
	"viver/planner/resource"
)

// session is what is done on one machine at one go. One goroutine owns it.
type session struct {
	*run
	vertex plan.Vertex
	told   map[plan.Spot]bool // members whose start was told
}

// session works through the members of a vertex in batches: one, as long as nothing fails. After a failure those go on that do not need
// what failed.
func (r *run) session(ctx context.Context, n int) {
	s := &session{run: r, vertex: r.Plan.Vertices[n], told: map[plan.Spot]bool{}}
	todo := make([]plan.Spot, len(s.vertex.Members))
	for i := range todo {
		todo[i] = plan.Spot{Vertex: n, Member: i}
	}
	for todo = s.sift(todo); len(todo) > 0 && ctx.Err() == nil && r.writable() == nil; todo = s.sift(todo) {
		todo = s.batch(ctx, todo)
	}
	for _, at := range todo {
		s.skip(at)
	}
}

func (s *session) member(at plan.Spot) plan.Member { return s.vertex.Members[at.Member] }

func (s *session) change(at plan.Spot) *plan.Change { return s.Plan.Changes[s.member(at).Change] }

// sift leaves out what cannot be done because something that it needs is not there. What is to be done in the same session counts as there.
func (s *session) sift(todo []plan.Spot) []plan.Spot {
	here := map[plan.Spot]bool{}
	var left []plan.Spot
	for _, at := range todo {
		e, ok := s.obstacle(s.member(at), here)
		if !ok {
			s.run.blocked(s.member(at), e)
			s.skip(at)
			continue
		}
		left, here[at] = append(left, at), true
	}
	return left
}

// skip tells the end of a member that was said to be started but was not tried.
func (s *session) skip(at plan.Spot) {
	if s.told[at] {
		s.observe(Event{Kind: Ended, Change: s.change(at), Action: s.member(at).Action, Err: resource.ErrSkipped})
	}
}

// batch does what it can of todo and returns what was not tried.
func (s *session) batch(ctx context.Context, todo []plan.Spot) (left []plan.Spot) {
	machine, err := s.machine(s.vertex.Machine)
	if err != nil {
		for _, at := range todo {
			s.ended(s.vertex, s.member(at), fmt.Errorf("%s: %w", s.vertex.Machine, err))
		}
		return nil
	}
	b := &batch{session: s, machine: machine}
	for i, at := range todo {
		if err := b.add(at); err != nil {
			s.ended(s.vertex, s.member(at), err)
			return slices.Concat(todo[:i], todo[i+1:]) // some of them may need this one
		}
	}
	return b.run(ctx)
}

// kept are the steps that are in place on the machine and are no members, by position. All that their arguments follow from is known, but
// for the machine itself when it is still to be updated.
func (s *session) kept(machine cty.Value) (list []resource.Member, err error) {
	for _, c := range s.steps[s.vertex.Machine] {
		if c.Number < 0 || !s.inPlace(c) {
			continue
		}
		w, err := s.workWithout(c, "on")
		if err != nil {
			return nil, fmt.Errorf("%s, which is in place: %w", c.Addr, err)
		}
		attrs := w.config.AsValueMap()
		attrs["on"] = machine
		list = append(list, resource.Member{
			Addr: w.addr, Type: stepType(c.Type), Action: resource.NoOp, Position: c.Position, Config: cty.ObjectVal(attrs),
			Prior: plan.PriorValue(s.Store.Instance, w.addr),
		})
	}
	slices.SortFunc(list, func(a, b resource.Member) int { return a.Position - b.Position })
	return list, nil
}

// inPlaceNow notes that a step was brought about, or taken away.
func (r *run) inPlaceNow(c *plan.Change, there bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.good[c] = there
}

func (s *session) inPlace(c *plan.Change) bool {
	if _, batches := s.Types[c.Type].(resource.Batcher); !batches {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.Action == resource.NoOp || s.good[c]
}

// machine is the object of a machine as it is now; as it is remembered, if it is no longer declared or waits for its own update.
func (r *run) machine(at string) (cty.Value, error) {
	i := r.Store.Instance(at)
	if i == nil {
		return cty.NilVal, errors.New("the machine has not been brought about")
	}
	if c := r.places[at]; c != nil && c.Number >= 0 {
		obj, diags := r.Config.Evaluate(c.Number)
		if diags.HasErrors() {
			return cty.NilVal, diagnostics(diags)
		}
		v, _ := plan.Identity(plan.Value(r.Types[c.Type].Schema(), obj.Value, i.Computed), c.Type, c.Addr).UnmarkDeep()
		if v.IsWhollyKnown() {
			return v, nil
		}
	}
	return plan.PriorValue(r.Store.Instance, at), nil
}

// stepType is the type without "step.": "file".
func stepType(t string) string { return strings.TrimPrefix(t, addr.StepPrefix) }
