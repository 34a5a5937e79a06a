package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/pacs/step"
	"viver/planner/resource"
)

// errBegun is wrapped where a step was at work when its machine went away: nobody knows how far it got.
var errBegun = errors.New("the machine went away while the step was at work; see that it is on, then run apply again")

// scripts sends the scripted members from first on which are of one mode, in one session.
func (s *session) scripts(ctx context.Context, first int) (next int, err error) {
	run := spec.StepRun{Mode: modeOf(s.batch.Members[first])}
	for i := first; i < len(s.batch.Members); i++ {
		m := s.batch.Members[i]
		if m.Type == unitType || m.Type == imageType || modeOf(m) != run.Mode || s.unfit(m) != nil {
			break
		}
		config := m.Config
		if m.Action == resource.Delete {
			config = m.Prior
		}
		document, err := Document(m.Addr, m.Type, config)
		if err != nil && len(run.Steps) == 0 {
			return i, err
		}
		if err != nil {
			break // those before it first; then it is its turn
		}
		run.Steps = append(run.Steps, document)
	}
	return s.send(ctx, first, run)
}

func modeOf(m resource.Member) string {
	if m.Action == resource.Delete {
		return step.Undo
	}
	return step.Apply
}

// send has the agent do the steps, which are the members from first on.
func (s *session) send(ctx context.Context, first int, run spec.StepRun) (next int, err error) {
	next = first
	var failure error
	_, err = s.client.Call(ctx, spec.OpSteps, run, nil, func(reply spec.Reply) {
		if reply.Progress != "" {
			s.report(min(next, len(s.batch.Members)-1), resource.Progress{Detail: reply.Progress})
		}
		var r spec.StepResult
		if failure != nil || next == first+len(run.Steps) || reply.Event == nil || json.Unmarshal(reply.Event, &r) != nil {
			return
		}
		document := run.Steps[next-first]
		if failure = failureOf(document, r); failure != nil {
			return
		}
		if r.Diff != "" {
			s.report(next, resource.Progress{Detail: r.Diff})
		}
		s.succeeded(next, run.Mode, document, r)
		next++
	})
	switch {
	case failure != nil:
		return next, failure
	case ctx.Err() != nil:
		return next, fmt.Errorf("while the step was at work: %w", context.Cause(ctx))
	case err != nil:
		return next, fmt.Errorf("%w: %w", errBegun, err)
	case next < first+len(run.Steps):
		return next, errors.New("the machine's agent ended the session without a word about this step: look at its log")
	}
	return next, nil
}

func failureOf(s spec.Step, r spec.StepResult) error {
	switch {
	case r.ID != s.ID:
		return fmt.Errorf("the machine's agent answered for %q: is its viver-node of another version?", r.ID)
	case r.Status == spec.StepFailed:
		return errors.New(r.Output)
	case r.Status == spec.StepSkipped:
		return resource.ErrSkipped
	}
	return nil
}

func (s *session) succeeded(member int, mode string, document spec.Step, r spec.StepResult) {
	var computed map[string]cty.Value
	if mode == step.Apply {
		s.inPlace = append(s.inPlace, placed{position: s.batch.Members[member].Position, step: document})
		if hasValue(document.Type) {
			computed = map[string]cty.Value{"value": cty.StringVal(r.Output)}
		}
	}
	s.ended(member, computed)
}
