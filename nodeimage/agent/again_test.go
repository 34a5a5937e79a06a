package agent

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/pid1/network"
	"viver/nodeimage/spec"
)

// forget makes the server forget the node, and want another one in its place.
func (w *world) forget(t *testing.T, name string, n spec.NodeSpec) {
	t.Helper()
	if _, err := ask(t, w.operator, spec.OpNodeRemove, spec.Named{Name: name}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, w.operator, spec.OpNodePut, n, nil); err != nil {
		t.Fatal(err)
	}
}

// nudge makes a node report, and see that it is refused, if it has not seen that yet: then it may be too busy to answer.
func nudge(node *ssh.Client) {
	s, err := node.NewSession()
	if err != nil {
		return
	}
	defer s.Close()
	in, errIn := s.StdinPipe()
	out, errOut := s.StdoutPipe()
	if errors.Join(errIn, errOut, s.RequestSubsystem(spec.Subsystem)) != nil {
		return
	}
	_, _ = io.WriteString(in, request(spec.OpSteps, spec.StepRun{Mode: spec.ModeApply, Steps: []spec.Step{{ID: "nudge"}}})+"\n")
	_, _ = io.Copy(io.Discard, out)
}

// took returns what was run, without what nudged.
func (b *booted) took() string {
	return strings.Join(slices.DeleteFunc(b.steps.ran(), func(s string) bool { return strings.HasSuffix(s, ":nudge") }), " ")
}

func has(id string) func(spec.Machine) bool {
	return func(m spec.Machine) bool {
		return slices.ContainsFunc(m.Steps, func(r spec.StepResult) bool { return r.ID == id })
	}
}

func TestNodeJoinsAgainUnderItsName(t *testing.T) {
	w := newWorld(t)
	motd, more, issue := spec.Step{ID: "motd", Type: "file"}, spec.Step{ID: "more", Type: "file"}, spec.Step{ID: "issue", Type: "file"}
	b := w.boot(t, motd)
	addr, _ := b.run(t, t.Context())
	w.seen(t, at(spec.StageJoined))
	operator := w.dial(t, addr)
	if _, err := ask(t, operator, spec.OpSteps, spec.StepRun{Mode: spec.ModeApply, Steps: []spec.Step{more}}, nil); err != nil {
		t.Fatal(err)
	}
	w.seen(t, has("more"))
	w.forget(t, "pc01", spec.NodeSpec{Name: "pc01", Image: b.config.Bundle.Image, Steps: []spec.Step{motd, more, issue}})
	nudge(operator)
	if m := w.seen(t, has("issue")); m.Node != "pc01" || m.Stage() != spec.StageJoined {
		t.Errorf("%+v", m)
	}
	if got := b.took(); got != "apply:motd apply:more apply:issue" {
		t.Errorf("it took %s", got)
	}
}

func TestNodeIsGivenAnotherName(t *testing.T) {
	w := newWorld(t)
	both, old, fresh := spec.Step{ID: "both", Type: "file"}, spec.Step{ID: "old", Type: "file"}, spec.Step{ID: "new", Type: "file"}
	b := w.boot(t, old, both)
	addr, ended := b.run(t, t.Context())
	w.seen(t, at(spec.StageJoined))
	operator := w.dial(t, addr)
	unit := func(name string) spec.UnitSpec { return spec.UnitSpec{Name: name, Type: "test", Config: []byte(`""`)} }
	for _, name := range []string{"old", "both"} {
		if _, err := ask(t, operator, spec.OpUnitPut, unit(name), nil); err != nil {
			t.Fatal(err)
		}
	}
	w.forget(t, "pc01", spec.NodeSpec{
		Name: "pc02", Image: b.config.Bundle.Image, Steps: []spec.Step{both, fresh}, Units: []spec.UnitSpec{unit("both"), unit("new")},
	})
	nudge(operator)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "was pc01 and is pc02 now") {
		t.Fatalf("ended with %v", err)
	}
	var renamed []string
	b.config.Renamed = func(name string) error { renamed = append(renamed, name); return nil }
	addr, _ = b.run(t, t.Context())
	if m := w.seen(t, has("new")); m.Node != "pc02" || m.Stage() != spec.StageJoined {
		t.Errorf("%+v", m)
	}
	var s spec.AgentStatus
	for operator := w.dial(t, addr); len(s.Units) != 2 || s.Units[1].Name != "new" || s.Units[1].State != spec.UnitReady; {
		if _, err := ask(t, operator, spec.OpStatus, nil, &s); err != nil || s.Name != "pc02" {
			t.Fatalf("it calls itself %q, %v", s.Name, err)
		}
	}
	if s.Units[0].Name != "both" {
		t.Errorf("%+v", s.Units)
	}
	if got := b.took(); got != "apply:old apply:both undo:old apply:new" {
		t.Errorf("it took %s", got)
	}
	if !slices.Equal(renamed, []string{"pc02"}) {
		t.Errorf("the machine was renamed to %q", renamed)
	}
}

func TestStateOfTheDiskIsReported(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t)
	states := make(chan handover.State)
	b.config.State = func(ctx context.Context, changed func(handover.State)) error {
		for {
			select {
			case s := <-states:
				changed(s)
			case <-ctx.Done():
				return nil
			}
		}
	}
	addr, _ := b.run(t, t.Context())
	w.seen(t, at(spec.StageJoined))
	operator := w.dial(t, addr)
	lease := func(a string) network.Lease { return network.Lease{Address: netip.MustParsePrefix(a)} }
	mounted := time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	states <- handover.State{Lease: lease("127.0.0.1/8"), Root: mounted}
	m := w.seen(t, func(m spec.Machine) bool { return len(m.Boot) == 4 })
	if m.Boot[1].Stage != spec.StageRoot || !m.Boot[1].At.Equal(mounted) || m.Stage() != spec.StageJoined {
		t.Errorf("%+v", m.Boot)
	}

	states <- handover.State{Lease: lease("127.0.0.2/8"), Root: mounted}
	w.seen(t, func(m spec.Machine) bool { return m.Address == "127.0.0.2" })

	// The address is also right when the machine has to join again, and moves after that.
	w.forget(t, "pc01", spec.NodeSpec{Name: "pc01", Image: b.config.Bundle.Image})
	nudge(operator)
	m = w.seen(t, func(m spec.Machine) bool { return m.Node == "pc01" && m.HostKey != "" && m.Stage() == spec.StageJoined })
	if m.Address != "127.0.0.2" {
		t.Errorf("joined again from %s", m.Address)
	}
	states <- handover.State{Lease: lease("127.0.0.3/8"), Root: mounted}
	w.seen(t, func(m spec.Machine) bool { return m.Address == "127.0.0.3" })
}
