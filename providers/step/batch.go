package step

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/providers/object"
	"viver/providers/ssh"
)

// ApplyBatch implements resource.Batcher, for members of every type of step.
func (t *Type) ApplyBatch(ctx context.Context, b resource.Batch, done func(int, map[string]cty.Value, error)) {
	s := &session{Machines: t.machines, batch: b, done: done, onNode: object.String(b.Machine, "kind") == "node"}
	s.run(ctx)
}

// session is one batch at work. One goroutine owns it.
type session struct {
	*Machines
	batch  resource.Batch
	done   func(int, map[string]cty.Value, error)
	onNode bool
	client *ssh.Client

	unmet   map[string]error // what Pacs require and is not there, by their addresses
	inPlace []placed         // steps that succeeded
	held    *ending          // of the member that succeeded last: it counts once the server knows of it
}

// ending is the end of a member.
type ending struct {
	member   int
	computed map[string]cty.Value
}

// ended passes on the end of a member that is in place, and holds back the last one.
func (s *session) ended(member int, computed map[string]cty.Value) {
	s.flush(nil)
	s.held = &ending{member, computed}
}

// flush passes on the end that was held back.
func (s *session) flush(err error) {
	if s.held != nil {
		s.done(s.held.member, s.held.computed, err)
		s.held = nil
	}
}

func (s *session) run(ctx context.Context) {
	patience := connectTimeout
	if s.onlyDeletes() {
		patience = s.goneTimeout()
	}
	var err error
	if s.client, err = s.reach(ctx, patience); err != nil {
		if s.onNode && s.onlyDeletes() && ctx.Err() == nil {
			s.forgetAll()
			s.flush(s.remember(ctx))
			return
		}
		s.fail(ctx, 0, err)
		return
	}
	if err := s.look(ctx); err != nil {
		s.fail(ctx, 0, err)
		return
	}
	next, err := s.members(ctx)
	if s.onNode && s.held != nil {
		s.flush(s.remember(ctx))
	}
	s.flush(nil)
	if err != nil {
		s.fail(ctx, next, err)
	}
}

func (s *session) onlyDeletes() bool {
	return !slices.ContainsFunc(s.batch.Members, func(m resource.Member) bool { return m.Action != resource.Delete })
}

// forgetAll ends members that take steps away from a node which is not there.
func (s *session) forgetAll() {
	for i := range s.batch.Members {
		s.report(i, resource.Progress{Detail: "the machine does not answer: the step is gone with its next boot"})
		s.ended(i, nil)
	}
}

// fail ends the member that failed, and those behind it.
func (s *session) fail(ctx context.Context, member int, err error) {
	rest := resource.ErrSkipped
	if s.lost(ctx) || errors.Is(err, errBegun) {
		rest = resource.ErrUnreached
	}
	for i := member; i < len(s.batch.Members); i++ {
		var computed map[string]cty.Value
		if errors.Is(err, errBegun) {
			computed = map[string]cty.Value{} // there is something of it, perhaps
		}
		s.done(i, computed, err)
		err = rest
	}
}

// lost says that the machine cannot be reached, or no longer.
func (s *session) lost(ctx context.Context) bool {
	if s.client == nil || ctx.Err() != nil {
		return true
	}
	select {
	case <-s.client.Done():
		return true
	default:
		return false
	}
}

func (s *session) report(member int, p resource.Progress) {
	if s.batch.Report != nil {
		s.batch.Report(member, p)
	}
}

// members works through all members. It returns the one that failed and why, or nil.
func (s *session) members(ctx context.Context) (next int, err error) {
	for next < len(s.batch.Members) && err == nil {
		m := s.batch.Members[next]
		if err := s.unfit(m); err != nil {
			return next, err
		}
		switch {
		case m.Type != unitType && m.Type != imageType:
			next, err = s.scripts(ctx, next)
			continue
		case s.onNode && m.Type == imageType:
			return next, fmt.Errorf("a step %q acts on a server, not on a node", m.Type)
		}
		var computed map[string]cty.Value
		if m.Type == unitType {
			computed, err = s.unit(ctx, m)
		} else {
			computed, err = s.image(ctx, next, m)
		}
		if err == nil {
			s.ended(next, computed)
			next++
		}
	}
	return next, err
}
