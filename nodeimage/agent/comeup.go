package agent

import (
	"context"
	"fmt"
	"slices"

	"viver/nodeimage/spec"
)

// comeUp brings the machine from the start of its init to joined. Whatever fails on the way is reported and does not stop it: a machine
// that answers can be mended. If another agent of this boot did that already, little is left to do.
func (n *node) comeUp(ctx context.Context) {
	before := n.progress.has(spec.StageJoined)
	if before {
		n.reporter.results(n.progress.stepResults())
	} else if err := n.awaitInit(ctx); err != nil {
		return
	}
	if name := n.name(); name != n.config.Joined.Node.Name && n.config.Renamed != nil {
		if err := n.config.Renamed(name); err != nil {
			n.say("take the name "+name, err)
		}
	}
	n.takeSteps(ctx)
	if ctx.Err() != nil {
		return
	}
	if !before {
		n.reporter.reached(spec.StageJoined)
	}
	if n.config.CameUp != nil {
		n.config.CameUp()
	}
}

// awaitInit waits until the distribution's init has come up. It returns an error only when ctx ends.
func (n *node) awaitInit(ctx context.Context) error {
	if err := n.config.Init.Started(ctx); err != nil {
		n.say("wait for the distribution's init", err)
	}
	n.reporter.reached(spec.StageInit)
	if err := n.config.Init.Up(ctx); err != nil {
		n.say("wait until the distribution is up", err)
	}
	return ctx.Err()
}

// takeSteps brings about the steps of the machine's node that are not in place yet, then its units.
func (n *node) takeSteps(ctx context.Context) {
	select {
	case <-n.turn:
	case <-ctx.Done():
		return
	}
	defer func() { n.turn <- struct{}{} }()
	undo, apply := n.progress.due()
	former := n.progress.former()
	n.take(ctx, spec.StepRun{Mode: spec.ModeUndo, Steps: undo})
	if err := n.progress.became(n.name()); err != nil {
		n.log.Error("an agent after this one will not know the steps", "error", err)
	}
	n.take(ctx, spec.StepRun{Mode: spec.ModeApply, Steps: apply})
	n.takeUnits(ctx, former)
}

// takeUnits starts the units of the machine's node that do not run yet. Those of another node, which the machine was before it joined
// again, are ended; others stay, as with steps.
func (n *node) takeUnits(ctx context.Context, former bool) {
	wanted := n.progress.joined().Node.Units
	for _, u := range n.units.Specs() {
		if !former || slices.ContainsFunc(wanted, func(w spec.UnitSpec) bool { return w.Name == u.Name }) {
			continue
		}
		if _, err := n.units.Remove(u.Name); err != nil {
			n.say("end unit "+u.Name, err)
		}
	}
	for _, u := range wanted {
		if status, err := n.units.Put(ctx, u); err != nil && ctx.Err() == nil {
			n.say("start unit "+u.Name, err)
		} else if status.State == spec.UnitFailed {
			n.reporter.waiting("unit " + u.Name + ": " + status.Detail)
		}
	}
}

// take runs steps and reports each result; n has the turn.
func (n *node) take(ctx context.Context, run spec.StepRun) {
	if len(run.Steps) == 0 {
		return
	}
	err := n.config.Steps.Run(ctx, run.Mode, run.Steps, func(r spec.StepResult) {
		n.reporter.ran(run, []spec.StepResult{r})
		if r.Status == spec.StepFailed {
			output := r.Output
			if r.Secret {
				output = "(not shown)"
			}
			n.log.Error("a step failed", "step", r.ID, "output", output)
			n.reporter.waiting("step " + r.ID + " failed")
		}
	})
	if err != nil && ctx.Err() == nil {
		n.say(run.Mode+" the steps", err)
	}
}

// operatorRan reports what became of steps that an operator ran. Once they went well, the machine is no longer held up by those of its boot.
func (n *node) operatorRan(run spec.StepRun, results []spec.StepResult) {
	n.reporter.ran(run, results)
	if !slices.ContainsFunc(results, func(r spec.StepResult) bool { return r.Status == spec.StepFailed }) {
		n.reporter.waiting("")
	}
}

// followDisk reports what the root disk's process says of the machine: that the root is mounted, and where the machine is found.
func (n *node) followDisk(ctx context.Context) {
	if n.config.State == nil {
		return
	}
	if err := n.config.State(ctx, n.reporter.state); err != nil && ctx.Err() == nil {
		n.say("follow the root disk's process", err)
	}
}

// followServer obeys what a server answers when the machine, which was called so, joins again. It returns an error if that is another
// name.
func (n *node) followServer(ctx context.Context, was string) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.reporter.again:
		}
		if name := n.name(); name != was {
			return fmt.Errorf("agent: this machine was %s and is %s now: it begins again under that name", was, name)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-n.up:
			n.takeSteps(ctx)
		}
	}
}

// say logs and reports what went wrong.
func (n *node) say(what string, err error) {
	n.log.Error(what, "error", err)
	n.reporter.waiting(what + ": " + err.Error())
}
