package steptest

import (
	"slices"
	"strings"
	"testing"

	"viver/nodeimage/spec"
	"viver/pacs/step"
)

// Conform holds each example to the same promises, on each machine that can take it: a check changes nothing and sees what is missing, a second
// apply changes nothing, a check then says same, and undo brings back what was there before.
func Conform(t *testing.T, examples map[string]Example, machines ...*Machine) {
	for name, e := range examples {
		for _, m := range machines {
			t.Run(strings.ReplaceAll(name, " ", "_")+"/"+m.Name, func(t *testing.T) {
				if why := e.unfit(m); why != "" {
					t.Skip(why)
				}
				e.conform(t, m)
			})
		}
	}
}

// unfit says why the machine cannot take the example.
func (e Example) unfit(m *Machine) string {
	switch {
	case (e.Root || e.Tools) && m.Prefix != "":
		return "it touches what is not below a folder: it needs a root of its own, made by root"
	case e.Tools && m.Busybox:
		return "its shell takes busybox's own modprobe, and this kernel must not be touched"
	}
	return ""
}

// a trial is one example on one machine.
type trial struct {
	*testing.T
	m    *Machine
	step spec.Step
}

func (e Example) conform(t *testing.T, m *Machine) {
	m.Reset(t, e.Before)
	c := trial{t, m, spec.Step{ID: "step." + e.Type + ".it", Type: e.Type, Config: m.In(e.Config)}}
	before := m.Snapshot(t)
	if e.Same {
		c.expect(step.Check, spec.StepSame)
		if got := c.expect(step.Apply, spec.StepSame); got.Output != e.Value {
			t.Errorf("its value is %q, want %q", got.Output, e.Value)
		}
		c.expect(step.Undo, spec.StepUndone)
		m.Unchanged(t, before, "a step that changes nothing")
		return
	}
	if r := c.expect(step.Check, spec.StepDiffers); r.Diff == "" {
		t.Error("it differs, and does not say in what")
	}
	m.Unchanged(t, before, "a check")
	c.expect(step.Apply, spec.StepChanged)
	for name, want := range e.After {
		if got := m.Read(t, name); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	after := m.Snapshot(t)
	c.expect(step.Check, spec.StepSame)
	c.expect(step.Apply, spec.StepSame)
	m.Unchanged(t, after, "a second apply")
	c.expect(step.Undo, spec.StepUndone)
	if !e.Keeps {
		m.Unchanged(t, before, "apply and undo")
		c.expect(step.Undo, spec.StepUndone)
		m.Unchanged(t, before, "a second undo")
	}
}

func (c trial) expect(mode string, want ...spec.StepStatus) spec.StepResult {
	c.Helper()
	r := c.m.Run(c.T, mode, c.step)[0]
	if !slices.Contains(want, r.Status) {
		c.Fatalf("%s: got %+v, want %v", mode, r, want)
	}
	return r
}
