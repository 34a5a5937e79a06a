package agent

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/agent/metrics"
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
	renewer   *renewer
	deputy    *deputy
	spreader  *spreader
	announcer *discovery.Announcer
	sshPort   int
	up        chan struct{} // closed when comeUp is done
}

// RunNode is the agent of a diskless node: it serves operators at once, waits for the distribution's init, takes the node's steps and
// reports all that. It returns nil when ctx ends or the machine leaves, and an error if it lost its port, cannot begin, or the machine
// was given another name: then it is to be run again, and does all under that name.
func RunNode(ctx context.Context, c NodeConfig) error {
	if c.SSH == nil {
		var err error
		if c.SSH, err = listen(spec.PortSSH); err != nil {
			return err
		}
	}
	defer c.SSH.Close()
	if c.Metrics != nil {
		defer c.Metrics.Close()
	}
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
	if c.Field == nil {
		c.Field = noField{}
	}
	if c.Init == nil {
		c.Init = NewInit(c.Root)
	}
	n := &node{config: c, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)), sshPort: portOf(c.SSH), up: make(chan struct{})}
	var err error
	if n.progress, err = openProgress(c.Dir, c.Request.Boot, c.Joined); err != nil {
		return nil, err
	}
	n.announcer = &discovery.Announcer{Cluster: c.Bundle.Cluster, Machine: n.name(), Interfaces: c.Interfaces, Log: c.Log}
	n.renewer = newRenewer(c, n.log, n.progress)
	n.spreader = newSpreader(c, n.log)
	n.reporter = newReporter(c, n.log, n.progress, n.renewer.joined, n.spreader.told)
	if n.deputy, err = newDeputy(c, n.log, n.progress, n.announce); err != nil {
		return nil, err
	}
	u := unitConfig(c.Dir, spec.UnitStart{
		Cluster: c.Bundle.Cluster, Trust: c.Bundle.Trust, Machine: n.name(), ImageDir: filepath.Join(c.Dir, "images"),
	})
	u.Command, u.Changed, u.Log = c.Unit, n.announce, c.Log
	units, err := supervise.New(u)
	if err != nil {
		return nil, err
	}
	n.machine = newMachine(units, c.Steps)
	n.ran = n.operatorRan
	return n, nil
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
	name := n.name()
	n.announce()
	n.units.Start() // before anybody can put units, which are started by that
	parts.Go(func() error { return ssh.Serve(ctx, n.config.SSH) })
	parts.Go(func() error { n.announcer.Run(ctx); return nil })
	parts.Go(func() error { n.reporter.run(ctx); return nil })
	if n.config.KeepPassport != nil {
		parts.Go(func() error { n.renewer.run(ctx, n.config.Passport); return nil })
	}
	parts.Go(func() error { n.serveMetrics(ctx); return nil })
	parts.Go(func() error { n.deputy.run(ctx); return nil })
	parts.Go(func() error { n.spreader.run(ctx); return nil })
	parts.Go(func() error { n.watchChanges(ctx); return nil })
	parts.Go(func() error { n.followDisk(ctx); return nil })
	parts.Go(func() error { n.comeUp(ctx); close(n.up); return nil })
	parts.Go(func() error { return n.followServer(ctx, name) })
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

// serveMetrics lets others watch the machine. It does without that when somebody else has the port.
func (n *node) serveMetrics(ctx context.Context) {
	l, err := n.config.Metrics, error(nil)
	if l == nil {
		l, err = listen(spec.PortMetrics)
	}
	if err == nil {
		err = metrics.Serve(ctx, l, metrics.Source{
			Version: n.config.Version, Node: n.name, Image: n.config.Bundle.Image, Fetched: n.config.BytesRead, Field: n.config.Field.Status,
		}, n.log)
	}
	if err != nil {
		n.log.Warn("nobody can watch this machine by its metrics", "error", err)
	}
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
	services := append(readyServices(n.units), spec.Service{Type: spec.ServiceSSH, Port: n.sshPort})
	services = append(services, spec.Service{Type: spec.ServiceField, Port: spec.PortGossip})
	n.announcer.Set(append(services, n.deputy.services()...))
}

// name returns the name that a server gave this machine last.
func (n *node) name() string { return n.progress.joined().Node.Name }
