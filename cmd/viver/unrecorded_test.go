package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/planner/resource"
	"viver/planner/state"
)

// losing is a state that takes so many changes and then none any more.
type losing struct {
	state.Writer
	left int
}

func (l *losing) Append(changes ...state.Change) error {
	if l.left--; l.left < 0 {
		return errors.New("state: write the journal of ssh://far: nobody answers there")
	}
	return l.Writer.Append(changes...)
}

// TestUnrecorded: what was done and could not be written is told apart, kept in a file, and pushed later as if nothing had been lost; not
// where somebody else was there in between.
func TestUnrecorded(t *testing.T) {
	world, dir := t.TempDir(), t.TempDir()
	text := "server \"s\" { address = \"10.0.0.1\" }\nserver \"t\" {\naddress = server.s.id\n}\nstep \"file\" \"x\" {\non = server.t\npath = \"/x\"\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.viver.hcl"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	a := &app{types: func(string) []resource.Type { return simulated(world) }, out: &out, errors: &errs, dir: dir}
	a.fail(loseAfter(t, a, 3)) // server.s, and the beginning of server.t
	file := filepath.Join(dir, state.Folder, "unrecorded-4.json")
	for _, want := range []string{
		"Done, but not written to the state: server.t\n", "Not started: step.file.x\n", "2 created, 0 updated, 0 destroyed; 0 failed, 1 not tried",
		"but for what was not written to the state: that is done again. To go on: viver apply",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, &out)
		}
	}
	if text := errs.String(); !strings.Contains(text, "nobody answers there") || !strings.Contains(text, "`viver state push "+file+" -C "+dir+"`") {
		t.Errorf("the errors are:\n%s", text)
	}
	out.Reset()
	if code := a.run([]string{"state", "push", file, "-C", dir}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	if code := a.run([]string{"plan", "-C", dir}); code != exitOK || !strings.Contains(out.String(), "Plan: 1 to create, 0 to update") {
		t.Errorf("exit code %d:\n%s%s", code, &out, &errs)
	}
	if code := a.run([]string{"state", "push", file, "-C", dir}); code != exitError {
		t.Error("it is pushed over what was changed since")
	}
}

// loseAfter applies with a state that takes so many changes.
func loseAfter(t *testing.T, a *app, left int) error {
	t.Helper()
	p, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	return p.withState(t.Context(), "viver apply", func(w state.Writer) error {
		made, err := p.make(t.Context(), w.State(), scope{})
		if err != nil {
			t.Fatal(err)
		}
		return p.carryOut(t.Context(), made, &losing{w, left}, carryOut{approved: true, parallelism: 1, resume: "viver apply"})
	})
}
