package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"viver/nodeimage/spec"
	"viver/nodeimage/supervise"
)

// machine is what servers and nodes have in common.
type machine struct {
	units *supervise.Supervisor
	steps StepRunner
	turn  chan struct{} // holds one token: who has it may run steps
	// ran is called with what became of steps that were applied or undone.
	ran func(spec.StepRun, []spec.StepResult)
}

func newMachine(units *supervise.Supervisor, steps StepRunner) machine {
	m := machine{units: units, steps: steps, turn: make(chan struct{}, 1), ran: func(spec.StepRun, []spec.StepResult) {}}
	m.turn <- struct{}{}
	return m
}

// operations returns those that make sense on every machine.
func (m *machine) operations() map[spec.Op]operation {
	return map[spec.Op]operation{
		spec.OpUnitPut:    with(func(ctx context.Context, u spec.UnitSpec) (any, error) { return m.units.Put(ctx, u) }),
		spec.OpUnitRemove: with(func(_ context.Context, n spec.Named) (any, error) { return m.units.Remove(n.Name) }),
		spec.OpSteps:      m.runSteps,
	}
}

// runSteps sends each result as an event.
func (m *machine) runSteps(ctx context.Context, c *call) (any, error) {
	var run spec.StepRun
	if err := spec.Decode(c.args, &run); err != nil {
		return nil, err
	}
	select {
	case <-m.turn:
	default:
		c.progress("waits for other steps of this machine")
		select {
		case <-m.turn:
		case <-ctx.Done():
			return nil, fmt.Errorf("agent: wait for other steps of this machine: %w", ctx.Err())
		}
	}
	defer func() { m.turn <- struct{}{} }()
	var results []spec.StepResult
	var sendErr error
	err := m.steps.Run(ctx, run.Mode, run.Steps, func(r spec.StepResult) {
		results = append(results, r)
		sendErr = errors.Join(sendErr, c.event(r))
	})
	if run.Mode != spec.ModeCheck {
		m.ran(run, results)
	}
	return nothing{}, errors.Join(err, sendErr)
}

// bootID returns the kernel's name for this boot.
func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("agent: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// unitConfig is what units are run with.
func unitConfig(dir string, world spec.UnitStart) supervise.Config {
	return supervise.Config{Dir: filepath.Join(dir, "units"), World: world}
}
