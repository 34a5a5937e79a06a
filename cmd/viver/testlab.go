package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/planner/simulate"
	"viver/planner/verify"
	"viver/testing/lab"
)

// defaultLab is the room for files that do not say what they need.
var defaultLab = verify.Lab{BIOS: 2, MemoryMB: 1024}

// labs runs each file in a lab of its own, one after the other: viver itself is started there again.
func (t *testRun) labs(ctx context.Context, files []*verify.File) error {
	if os.Geteuid() != 0 {
		return errors.New("test --lab: a lab needs root: run viver as root, or leave --lab out to simulate the machines")
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("test --lab: %w", err)
	}
	failed := false
	for n, f := range files {
		err := t.inLab(ctx, self, fmt.Sprintf("test-%d-%d", os.Getpid(), n), f)
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) && !errors.Is(err, errReported) { // else what was wrong has been said
			t.fail(fmt.Errorf("test --lab: %s: %w", f.Path, err))
		}
		failed = failed || err != nil
	}
	if failed {
		return errReported
	}
	return nil
}

// inLab makes a lab, runs the tests of a file on its host, and removes it.
func (t *testRun) inLab(ctx context.Context, self, name string, f *verify.File) (err error) {
	size := defaultLab
	if f.Lab != nil {
		size = *f.Lab
	}
	l := lab.Lab{Name: name, Address: "10.20.0.1/16"}
	for i := range size.BIOS + size.UEFI {
		m := lab.Machine{MemoryMB: size.MemoryMB, CPUs: 1, NIC: "virtio-net-pci", Firmware: lab.BIOS}
		if i >= size.BIOS {
			m.Firmware = lab.UEFI
		}
		l.Machines = append(l.Machines, m)
	}
	made, err := lab.Up(ctx, l)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, made.Down(context.WithoutCancel(ctx))) }()
	t.tell(f, "making its images")
	if err := t.images(ctx, f); err != nil {
		return err
	}
	t.tell(f, "running on "+machines(len(l.Machines)))
	args := []string{"test", "--chdir", t.dir, "--in-lab", name, "--filter", t.filter}
	for _, v := range t.vars {
		args = append(args, "--var", v)
	}
	for _, file := range t.varFiles {
		args = append(args, "--var-file", file)
	}
	if t.json {
		args = append(args, "--json")
	}
	inside := made.Command(ctx, self, append(args, "--", f.Path)...)
	inside.Stdout, inside.Stderr = t.out, t.errors
	inside.Cancel, inside.WaitDelay = func() error { return inside.Process.Signal(os.Interrupt) }, time.Minute
	return inside.Run()
}

// tell says what is being done for a file: both take minutes.
func (t *testRun) tell(f *verify.File, what string) {
	if !t.json {
		fmt.Fprintf(t.errors, "%s: %s\n", f.Path, what)
	}
}

func machines(n int) string {
	if n == 1 {
		return "a virtual machine"
	}
	return fmt.Sprintf("%d virtual machines", n)
}

// images makes the images of a file here, where packages can be had: they are in the cache then.
func (t *testRun) images(ctx context.Context, f *verify.File) error {
	inputs, diags := t.app.inputs(nil)
	if err := t.report(diags); err != nil {
		return err
	}
	diags = verify.Prepare(ctx, f, verify.Options{Load: t.loadOptions(t.found()), Inputs: inputs, Open: t.realWorld}, "image")
	if len(diags) > 0 {
		t.view.Diagnostics(diags, f.Files())
	}
	if diags.HasErrors() {
		return errReported
	}
	return nil
}

// realWorld has the real types, with a state that goes with the test.
func (t *testRun) realWorld(context.Context, *verify.File) (*verify.World, error) {
	dir, err := os.MkdirTemp("", "viver-test-")
	if err != nil {
		return nil, err
	}
	w := &verify.World{
		Types: map[string]resource.Type{}, Happen: onlyQuiet, Left: func() []string { return nil },
		Close: func() error { return os.RemoveAll(dir) },
	}
	for _, real := range t.app.types(dir) {
		w.Types[real.Name()] = real
	}
	return w, nil
}

// labWorld is the world for tests in a lab, on whose host this process runs. The machines are switched on when the first node is wanted.
func (t *testRun) labWorld(ctx context.Context, f *verify.File) (*verify.World, error) {
	l, err := lab.Open(t.lab)
	if err != nil {
		return nil, err
	}
	w, err := t.realWorld(ctx, f)
	if err != nil {
		return nil, err
	}
	if node, ok := w.Types["node"].(resource.Reader); ok {
		w.Types["node"] = &switchedOn{Reader: node, lab: l}
	}
	return w, nil
}

// onlyQuiet refuses events: only simulated machines can be told what happens to them.
func onlyQuiet(e simulate.Events) error {
	if len(e.Gone)+len(e.Drifted)+len(e.Rebooted)+len(e.Unreachable)+len(e.Failing) > 0 {
		return errors.New("a block world is for simulated machines; run this test without --lab")
	}
	return nil
}

// switchedOn is the type of nodes in a lab.
type switchedOn struct {
	resource.Reader
	lab *lab.Lab

	once sync.Once
	err  error // of switching on
}

// Apply implements resource.Type.
func (s *switchedOn) Apply(ctx context.Context, r resource.ApplyRequest) (computed map[string]cty.Value, err error) {
	s.once.Do(func() {
		for _, m := range s.lab.Machines {
			s.err = errors.Join(s.err, s.lab.PowerOn(ctx, m.Name))
		}
	})
	if s.err != nil {
		return nil, s.err
	}
	return s.Reader.Apply(ctx, r)
}
