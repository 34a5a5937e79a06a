package agent

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/agent/sshd"
	"viver/nodeimage/discovery"
	"viver/nodeimage/spec"
	"viver/nodeimage/supervise"
)

// goodbyeTime bounds telling the servers that the machine leaves.
const goodbyeTime = 2 * time.Second

// node is the agent of a diskless machine, beside its root disk.
type node struct {
	machine
	config    NodeConfig
	log       *slog.Logger
	progress  *progress
	reporter  *reporter
	announcer *discovery.Announcer
	sshPort   int
}

// RunNode is the agent of a diskless node: it serves operators at once, waits for the distribution's init, takes the node's steps and
// reports all that. It returns nil when ctx ends or the machine leaves, and an error if it lost its port or cannot begin.
func RunNode(ctx context.Context, c NodeConfig) error {
	if c.SSH == nil {
		var err error
		if c.SSH, err = listen(spec.PortSSH); err != nil {
			return err
		}
	}
	defer c.SSH.Close()
	n, err := newNode(c)
	if err != nil {
		return err
	}
	return n.run(ctx)
}

func newNode(c NodeConfig) (*node, error) {
	if c.BytesRead == nil {
		c.BytesRead = func() int64 { return 0 }
	}
	if c.Init == nil {
		c.Init = NewInit(c.Root)
	}
	n := &node{config: c, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)), sshPort: portOf(c.SSH)}
	n.announcer = &discovery.Announcer{Cluster: c.Bundle.Cluster, Machine: c.Joined.Node.Name, Interfaces: c.Interfaces, Log: c.Log}
	var err error
	if n.progress, err = openProgress(c.Dir, c.Request.Boot); err != nil {
		return nil, err
	}
	n.reporter = newReporter(c, n.log, n.progress)
	u := unitConfig(c.Dir, spec.UnitStart{Cluster: c.Bundle.Cluster, Trust: c.Bundle.Trust, Machine: c.Joined.Node.Name})
	u.Command, u.Changed, u.Log = c.Unit, n.announce, c.Log
	units, err := supervise.New(u)
	if err != nil {
		return nil, err
	}
	n.machine = newMachine(units, c.Steps)
	n.ran = n.noteSteps
	return n, nil
}

// noteSteps reports what became of steps that an operator ran. Once they went well, the machine is no longer held up by those of its boot.
func (n *node) noteSteps(results []spec.StepResult) {
	n.reporter.steps(results)
	if !slices.ContainsFunc(results, func(r spec.StepResult) bool { return r.Status == spec.StepFailed }) {
		n.reporter.waiting("")
	}
}

func (n *node) run(ctx context.Context) error {
	authority, err := authorityOf(n.config.Bundle.Trust)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts, ctx := errgroup.WithContext(ctx)
	ssh := &sshd.Server{
		HostKey: n.config.HostKey, Authority: authority, Root: n.config.Root, Log: n.log, Started: n.config.Spawned,
		Subsystems: map[string]sshd.Subsystem{spec.Subsystem: control(n.operations())},
	}
	n.announce()
	n.units.Start() // before anybody can put units, which are started by that
	parts.Go(func() error { return ssh.Serve(ctx, n.config.SSH) })
	parts.Go(func() error { n.announcer.Run(ctx); return nil })
	parts.Go(func() error { n.reporter.run(ctx); return nil })
	parts.Go(func() error { n.comeUp(ctx); return nil })
	parts.Go(func() error {
		select {
		case <-ctx.Done():
		case <-n.config.Leaving: // for ever, if nil
			n.leave(context.WithoutCancel(ctx))
			cancel()
		}
		return nil
	})
	err = parts.Wait()
	n.units.Stop()
	return err
}

// leave tells the servers goodbye.
func (n *node) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, goodbyeTime)
	defer cancel()
	n.reporter.reached(spec.StageLeft)
	if err := n.reporter.flush(ctx); err != nil {
		n.log.Warn("no server could be told that this machine leaves", "error", err)
	}
}

func (n *node) announce() {
	n.announcer.Set(append(readyServices(n.units), spec.Service{Type: spec.ServiceSSH, Port: n.sshPort}))
}

// comeUp brings the machine from the start of its init to joined. Whatever fails on the way is reported and does not stop it: a machine
// that answers can be mended.
func (n *node) comeUp(ctx context.Context) {
	if n.progress.has(spec.StageJoined) { // before this agent, another one died
		n.reporter.steps(n.progress.stepResults())
		return
	}
	if err := n.config.Init.Started(ctx); err != nil {
		n.say("wait for the distribution's init", err)
	}
	n.reporter.reached(spec.StageInit)
	if err := n.config.Init.Up(ctx); err != nil {
		n.say("wait until the distribution is up", err)
	}
	for _, u := range n.config.Joined.Node.Units {
		if status, err := n.units.Put(ctx, u); err != nil {
			n.say("start unit "+u.Name, err)
		} else if status.State == spec.UnitFailed {
			n.reporter.waiting("unit " + u.Name + ": " + status.Detail)
		}
	}
	n.takeSteps(ctx)
	if ctx.Err() == nil {
		n.reporter.reached(spec.StageJoined)
	}
}

// takeSteps applies the node's own steps, and reports each result.
func (n *node) takeSteps(ctx context.Context) {
	steps := n.config.Joined.Node.Steps
	if len(steps) == 0 {
		return
	}
	select {
	case <-n.turn:
	case <-ctx.Done():
		return
	}
	defer func() { n.turn <- struct{}{} }()
	err := n.config.Steps.Run(ctx, "apply", steps, func(r spec.StepResult) {
		n.reporter.steps([]spec.StepResult{r})
		if r.Status == spec.StepFailed {
			n.log.Error("a step failed", "step", r.ID, "output", r.Output)
			n.reporter.waiting("step " + r.ID + " failed")
		}
	})
	if err != nil && ctx.Err() == nil {
		n.say("take the steps", err)
	}
}

// say logs and reports what went wrong.
func (n *node) say(what string, err error) {
	n.log.Error(what, "error", err)
	n.reporter.waiting(what + ": " + err.Error())
}
