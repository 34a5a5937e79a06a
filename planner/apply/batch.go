package apply

import (
	"context"
	"errors"
	"sync"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

// batch is members of a session that are sent together.
type batch struct {
	*session
	machine cty.Value
	spots   []plan.Spot
	works   []*work // one for each member; nil for those that are taken away
	members []resource.Member

	mu     sync.Mutex
	over   []bool       // members whose end is known; guarded by mu
	left   []plan.Spot  // those that were not tried; guarded by mu
	failed *plan.Change // the first member that failed; guarded by mu
}

// add evaluates a member.
func (b *batch) add(at plan.Spot) error {
	m, c := b.member(at), b.change(at)
	member := resource.Member{
		Addr: c.Addr.String(), Type: stepType(c.Type), Action: m.Action, Position: c.Position,
		Config: cty.NullVal(cty.DynamicPseudoType), Prior: plan.PriorValue(b.Store.Instance, c.Addr.String()),
	}
	var w *work
	if m.Action != resource.Delete {
		var err error
		if w, err = b.work(c); err != nil {
			return err
		}
		b.foresee(w)
		member.Config, member.Requires = w.config, c.Requires()
	}
	b.spots, b.works, b.members, b.over = append(b.spots, at), append(b.works, w), append(b.members, member), append(b.over, false)
	return nil
}

// run sends the batch, and returns what was not tried.
func (b *batch) run(ctx context.Context) []plan.Spot {
	if err := b.send(ctx); errors.Is(err, errUnbegun) {
		return b.spots
	} else if err != nil {
		b.endAll(err)
	}
	if len(b.left) == len(b.spots) {
		b.left = nil
		for _, at := range b.spots {
			b.ended(b.vertex, b.member(at), errNoAnswer)
		}
	}
	return b.left
}

var errNoAnswer = errors.New("the session ended without an answer")

func (b *batch) send(ctx context.Context) error {
	batcher, ok := b.Types[b.change(b.spots[0]).Type].(resource.Batcher)
	if !ok {
		return errors.New("its type has no sessions: this is a fault of viver")
	}
	kept, err := b.kept(b.machine)
	if err != nil {
		return err
	}
	if err := b.begin(b.works...); err != nil {
		return err
	}
	for _, at := range b.spots {
		if !b.told[at] {
			b.told[at] = true
			b.observe(Event{Kind: Started, Change: b.change(at), Action: b.member(at).Action})
		}
	}
	batcher.ApplyBatch(ctx, resource.Batch{Machine: b.machine, Members: b.members, Kept: kept, Report: b.report}, b.done)
	return errNoAnswer // for those that did not end
}

func (b *batch) report(i int, p resource.Progress) {
	b.reporter(b.change(b.spots[i]), b.members[i].Action)(p)
}

func (b *batch) endAll(err error) {
	for i := range b.spots {
		b.done(i, nil, err)
	}
}

// done notes the end of one member; a second end of the same one is passed over.
func (b *batch) done(i int, computed map[string]cty.Value, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over[i] {
		return
	}
	b.over[i] = true
	m, c := b.member(b.spots[i]), b.change(b.spots[i])
	if m.Action != resource.Delete {
		err = b.finish(b.works[i], computed, err)
	} else if err == nil {
		err = b.append(state.Change{Forget: c.Addr.String()})
	}
	switch {
	case err == nil:
		b.session.run.inPlaceNow(c, m.Action != resource.Delete)
	case errors.Is(err, resource.ErrSkipped):
		b.left = append(b.left, b.spots[i])
		return
	case errors.Is(err, resource.ErrUnreached) && b.failed != nil:
		b.blocked(m, End{Status: Blocked, Cause: b.failed})
		b.skip(b.spots[i])
		return
	case b.failed == nil:
		b.failed = c
	}
	b.ended(b.vertex, m, err)
}
