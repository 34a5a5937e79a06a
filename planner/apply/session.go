package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

// session is what is done on one machine at one go.
type session struct {
	*run
	vertex plan.Vertex
	works  []*work // one for each member; nil for those that are taken away

	mu     sync.Mutex
	failed error  // of the first member that failed; guarded by mu
	over   []bool // members whose end is known; guarded by mu
}

func (r *run) session(ctx context.Context, v plan.Vertex) error {
	s := &session{run: r, vertex: v, works: make([]*work, len(v.Members)), over: make([]bool, len(v.Members))}
	batch, err := s.prepare()
	if err != nil {
		return err
	}
	for _, m := range v.Members {
		r.observe(Event{Kind: Started, Change: r.Plan.Changes[m.Change], Action: m.Action})
	}
	batcher, ok := r.Types[r.Plan.Changes[v.Members[0].Change].Type].(resource.Batcher)
	if !ok {
		return fmt.Errorf("apply: %s: its type has no sessions", r.Plan.Changes[v.Members[0].Change].Addr)
	}
	batcher.ApplyBatch(ctx, batch, s.done)
	for i := range v.Members {
		s.done(i, nil, errNoAnswer)
	}
	return s.failed
}

var errNoAnswer = errors.New("the session ended without an answer")

// prepare evaluates the members and notes that they are begun.
func (s *session) prepare() (b resource.Batch, err error) {
	if b.Machine, err = s.machine(s.vertex.Machine); err != nil {
		return b, fmt.Errorf("%s: %w", s.vertex.Machine, err)
	}
	var begun []*work
	for i, m := range s.vertex.Members {
		c := s.Plan.Changes[m.Change]
		member := resource.Member{
			Addr: c.Addr.String(), Type: stepType(c.Type), Action: m.Action, Position: c.Position,
			Config: cty.NullVal(cty.DynamicPseudoType), Prior: plan.PriorValue(s.Store.Instance, c.Addr.String()),
		}
		if m.Action != resource.Delete {
			w, err := s.work(c)
			if err != nil {
				s.over[i] = true
				s.run.ended(m, err)
				return b, err
			}
			s.works[i], member.Config = w, w.config
			begun = append(begun, w)
		}
		b.Members = append(b.Members, member)
	}
	if b.Kept, err = s.kept(b.Machine); err != nil {
		return b, err
	}
	b.Report = func(i int, p resource.Progress) {
		m := s.vertex.Members[i]
		s.reporter(s.Plan.Changes[m.Change], m.Action)(p)
	}
	return b, s.begin(begun...)
}

// done notes the end of one member; a second end of the same one is passed over.
func (s *session) done(i int, computed map[string]cty.Value, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over[i] {
		return
	}
	s.over[i] = true
	m := s.vertex.Members[i]
	c := s.Plan.Changes[m.Change]
	if m.Action != resource.Delete {
		err = s.finish(s.works[i], computed, err)
	} else if err == nil {
		err = s.append(state.Change{Forget: c.Addr.String()})
	}
	if err == nil {
		s.run.mu.Lock()
		s.good[c] = m.Action != resource.Delete
		s.run.mu.Unlock()
	} else if s.failed == nil {
		s.failed = fmt.Errorf("%s: %w", c.Addr, err)
	}
	s.run.ended(m, err)
}

// kept are the steps that are in place on the machine and are no members, by position. All that their arguments follow from is known, but
// for the machine itself when it is still to be updated.
func (s *session) kept(machine cty.Value) (list []resource.Member, err error) {
	for _, c := range s.Plan.Changes {
		if c.Machine != s.vertex.Machine || c.Number < 0 || !s.inPlace(c) {
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

func (s *session) inPlace(c *plan.Change) bool {
	if _, batches := s.Types[c.Type].(resource.Batcher); !batches {
		return false
	}
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
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
