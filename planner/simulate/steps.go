package simulate

import (
	"context"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/resource"
)

// batched is a type of steps that travel together.
type batched struct{ *simulated }

// ApplyBatch implements resource.Batcher. It refuses a batch that takes steps for granted which are not there.
func (s *batched) ApplyBatch(ctx context.Context, b resource.Batch, done func(member int, computed map[string]cty.Value, err error)) {
	machine := attribute(b.Machine, "addr").AsString()
	failed := s.world.kept(b.Kept)
	for i, m := range b.Members {
		if failed != nil {
			done(i, nil, failed)
			failed = resource.ErrSkipped
			continue
		}
		computed, err := s.world.step(ctx, machine, m)
		if err != nil {
			failed = resource.ErrSkipped
			if s.world.unreachable(machine) {
				failed = resource.ErrUnreached
			}
		}
		done(i, computed, err)
	}
}

func (w *World) kept(steps []resource.Member) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range steps {
		if w.things[k.Addr] == nil {
			return fmt.Errorf("%s is taken for granted, and it is not there", k.Addr)
		}
	}
	return nil
}

func (w *World) unreachable(at string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return covers(w.now.Unreachable, at)
}

// step carries out one member of a batch.
func (w *World) step(ctx context.Context, machine string, m resource.Member) (map[string]cty.Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch m.Action {
	case resource.Delete:
		return nil, w.takeAway(m.Addr, machine)
	case resource.Replace:
		if err := w.takeAway(m.Addr, machine); err != nil {
			return nil, err
		}
	}
	return w.bring(addr.StepPrefix+m.Type, m.Addr, machine, m.Config)
}
