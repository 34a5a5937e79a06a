package apply

import (
	"cmp"
	"context"
	"errors"
	"maps"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

// writable returns why the state cannot be written any more, or nil.
func (r *run) writable() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken
}

// append makes changes durable that say what was done. After a failure nothing new is begun, and they are kept for the Result.
func (r *run) append(changes ...state.Change) error {
	if len(changes) == 0 {
		return nil
	}
	err := r.Store.Append(changes...)
	if err == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = cmp.Or(r.broken, err)
	r.unrecorded = append(r.unrecorded, changes...)
	return &unrecordedError{err}
}

// unrecordedError says that something was done and could not be written down.
type unrecordedError struct{ error }

func (e *unrecordedError) Unwrap() error { return e.error }

// errUnbegun says that something was not begun, as that could not be written down: it would be lost.
var errUnbegun = errors.New("it was not begun: the state cannot be written")

// begin notes instances of which nothing is remembered before they are brought about, so that they are known even if this process dies.
func (r *run) begin(all ...*work) error {
	var changes []state.Change
	for _, w := range all {
		if w == nil || !w.fresh {
			continue
		}
		i, err := r.remembered(w, nil, state.Incomplete)
		if err != nil {
			return err
		}
		changes = append(changes, state.Change{Put: i})
	}
	if len(changes) == 0 {
		return nil
	}
	if err := r.Store.Append(changes...); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.broken = cmp.Or(r.broken, err)
		return errUnbegun
	}
	return nil
}

// finish notes how bringing an instance about ended, and passes that on.
func (r *run) finish(w *work, computed map[string]cty.Value, failure error) error {
	if failure == nil {
		return r.succeed(w, computed)
	}
	prior := r.Store.Instance(w.addr)
	cut := errors.Is(failure, context.Canceled) || errors.Is(failure, context.DeadlineExceeded)
	switch {
	case resource.Untried(failure) && !w.fresh:
		return failure
	case computed == nil && w.fresh && !cut:
		return errors.Join(failure, r.append(state.Change{Forget: w.addr}))
	case computed == nil && prior != nil:
		half := *prior
		half.Status = state.Incomplete
		return errors.Join(failure, r.append(state.Change{Put: &half}))
	}
	all := map[string]cty.Value{}
	if prior != nil {
		maps.Copy(all, prior.Computed)
	}
	maps.Copy(all, computed)
	half, err := r.remembered(w, all, state.Incomplete)
	if err != nil {
		return errors.Join(failure, err)
	}
	return errors.Join(failure, r.append(state.Change{Put: half}))
}

func (r *run) succeed(w *work, computed map[string]cty.Value) error {
	schema := r.Types[w.change.Type].Schema()
	whole, err := plan.Complete(schema, computed)
	if err != nil {
		return err
	}
	i, err := r.remembered(w, computed, state.Complete)
	if err != nil {
		return err
	}
	if err := r.append(state.Change{Put: i}); err != nil {
		return err
	}
	r.show(w, whole)
	if diags := r.Config.Verify(w.change.Number); diags.HasErrors() {
		return diagnostics(diags)
	}
	return nil
}

// remembered is what the state keeps of an instance.
func (r *run) remembered(w *work, computed map[string]cty.Value, status state.Status) (*state.Instance, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := w.change
	schema := r.Types[c.Type].Schema()
	inputs, refs, err := r.memory.Inputs(w.addr, schema, w.value)
	if err != nil {
		return nil, err
	}
	kept, err := r.memory.Computed(w.addr, schema, computed)
	if err != nil {
		return nil, err
	}
	return &state.Instance{
		Addr: w.addr, Group: c.Addr.Group(), Key: plan.KeyValue(c.Addr.Key), Type: c.Type, Machine: c.Machine, MachineKind: c.MachineKind,
		Position: c.Position, Status: status, Protect: c.Protect, Inputs: inputs, Computed: kept, Refs: refs, Depends: r.Plan.Remembered(w.depends),
	}, nil
}

// move changes addresses in the state.
func (r *run) move() error {
	if len(r.Plan.Moves) == 0 {
		return nil
	}
	next := r.Store.State()
	for _, m := range r.Plan.Moves {
		var err error
		if next, _, err = next.Move(m.From, m.To); err != nil {
			return err
		}
	}
	if err := r.Store.Replace(next); err != nil {
		return err
	}
	r.memory = plan.NewMemory(r.Store.State(), r.Types)
	return nil
}

// keepRemembered writes down what the plan says of instances before anything is done.
func (r *run) keepRemembered() error {
	var changes []state.Change
	for _, c := range r.Plan.Changes {
		if c.Remember != nil {
			changes = append(changes, state.Change{Put: c.Remember})
		}
	}
	return r.append(changes...)
}
