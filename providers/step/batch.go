package step

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/pacs/step"
	"viver/planner/resource"
	"viver/providers/node"
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

	inPlace []placed // steps that succeeded
	held    *ending  // of the member that succeeded last: it counts once the server knows of it
}

// placed is a step that is in place on a node.
type placed struct {
	position int
	step     spec.Step
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

// goneTimeout is how long to look for a node whose steps are to be taken away: they are gone with its next boot anyway.
const goneTimeout = 15 * time.Second

func (m *Machines) goneTimeout() time.Duration {
	return cmp.Or(m.Patience, goneTimeout)
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
		s.fail(0, err)
		return
	}
	next, err := s.members(ctx)
	if s.onNode && s.held != nil {
		s.flush(s.remember(ctx))
	}
	s.flush(nil)
	if err != nil {
		s.fail(next, err)
	}
}

// reach connects to the machine. A node that has booted since it was last seen has another key, which its server knows.
func (s *session) reach(ctx context.Context, patience time.Duration) (*ssh.Client, error) {
	client, err := s.connect(ctx, s.batch.Machine, patience)
	var key *ssh.KeyError
	if !s.onNode || !errors.As(err, &key) {
		return client, err
	}
	at, document := node.Document(s.batch.Machine)
	machines, askErr := node.Machines(ctx, s.Agents, at)
	if askErr != nil {
		return nil, errors.Join(err, askErr)
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := machines[document.Name]
	return s.Agents.Node(within, now.Address, now.HostKey)
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

// errBegun is wrapped where a step was at work when its machine went away: nobody knows how far it got.
var errBegun = errors.New("the machine went away while the step was at work; see that it is on, then run apply again")

// fail ends the member that failed, and those behind it.
func (s *session) fail(member int, err error) {
	for i := member; i < len(s.batch.Members); i++ {
		var computed map[string]cty.Value
		if errors.Is(err, errBegun) {
			computed = map[string]cty.Value{} // there is something of it, perhaps
		}
		s.done(i, computed, err)
		err = resource.ErrSkipped
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
		switch {
		case m.Type != unitType && m.Type != imageType:
			next, err = s.scripts(ctx, next)
			continue
		case s.onNode:
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

// scripts sends the scripted members from first on which are of one mode, in one session.
func (s *session) scripts(ctx context.Context, first int) (next int, err error) {
	run := spec.StepRun{Mode: modeOf(s.batch.Members[first])}
	for i := first; i < len(s.batch.Members); i++ {
		m := s.batch.Members[i]
		if m.Type == unitType || m.Type == imageType || modeOf(m) != run.Mode {
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
		s.inPlace = append(s.inPlace, placed{s.batch.Members[member].Position, document})
		if document.Type == factType {
			computed = map[string]cty.Value{"value": cty.StringVal(r.Output)}
		}
	}
	s.ended(member, computed)
}

// remember tells the node's server which steps are in place, so that the node takes them at its next boot by itself.
func (s *session) remember(ctx context.Context) error {
	at, document := node.Document(s.batch.Machine)
	if at.Address == "" && s.onlyDeletes() {
		return nil // no server was ever told of it
	}
	all := s.inPlace
	for _, k := range s.batch.Kept {
		kept, err := Document(k.Addr, k.Type, k.Config)
		if err != nil {
			return err
		}
		all = append(all, placed{k.Position, kept})
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.position - b.position })
	for _, p := range all {
		document.Steps = append(document.Steps, p.step)
	}
	within, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	client, err := s.Agents.Server(within, at)
	if err == nil {
		err = client.Do(within, spec.OpNodePut, document, nil)
	}
	if err != nil {
		return fmt.Errorf("it was done, but the server could not be told that the machine needs it at its next boot: %w", err)
	}
	return nil
}
