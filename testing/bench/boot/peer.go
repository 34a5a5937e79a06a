package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/spec"
	"viver/testing/lab"
)

// peer is a system that viver is compared with: machines in a lab whose plain initramfs says on the console how far it is.
type peer struct {
	lab     *lab.Lab
	servers []*exec.Cmd
	dir     string // of its own
}

// newPeer makes the lab, all machines off.
func newPeer(ctx context.Context, name, dir string, machines []lab.Machine) (*peer, error) {
	p := &peer{dir: filepath.Join(dir, name)}
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		return nil, err
	}
	name = labPrefix + name
	if err := lab.Remove(ctx, name); err != nil { // what a run that was killed left
		return nil, err
	}
	var err error
	p.lab, err = lab.Up(ctx, lab.Lab{Name: name, Address: "10.20.0.1/16", Machines: machines})
	return p, err
}

// serve starts a program in the lab.
func (p *peer) serve(ctx context.Context, name string, args ...string) error {
	cmd := p.lab.Command(ctx, name, args...)
	log, err := os.Create(filepath.Join(p.dir, filepath.Base(name)+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p.servers = append(p.servers, cmd)
	return nil
}

func (p *peer) close(ctx context.Context) error {
	err := p.lab.Down(ctx)
	for _, s := range p.servers {
		_ = s.Wait() // the lab has ended it
	}
	return err
}

// boot implements system.
func (p *peer) boot(ctx context.Context, nodes int) ([]boot, error) {
	boots := make([]boot, nodes)
	g, ctx := errgroup.WithContext(ctx)
	for i := range boots {
		m := &p.lab.Machines[i]
		g.Go(func() (err error) {
			boots[i], err = p.bootOne(ctx, m)
			return lastWords(err, m)
		})
	}
	err := g.Wait()
	for i := range boots {
		err = errors.Join(err, p.lab.PowerOff(context.WithoutCancel(ctx), p.lab.Machines[i].Name))
	}
	return boots, err
}

// marked finds what peer/init and peer/observe write.
var marked = regexp.MustCompile(`bench: (network|root|init|joined|failed)(?: (.*))?$`)

func (p *peer) bootOne(ctx context.Context, m *lab.Machine) (boot, error) {
	begin, err := powerOn(ctx, p.lab, m)
	if err != nil {
		return boot{}, err
	}
	meter := meterOf(m)
	b := boot{stages: map[spec.Stage]float64{}}
	var failed error
	var joined time.Time
	err = follow(ctx, m.SerialLog(), func(line []byte, at time.Time) bool {
		joined = at
		if bytes.Contains(line, kernelSays) {
			b.stages[spec.StageKernel] = at.Sub(begin).Seconds()
		}
		found := marked.FindSubmatch(line)
		if found == nil {
			return false
		}
		switch stage := spec.Stage(found[1]); stage {
		case "failed":
			failed = fmt.Errorf("the boot failed: %s", found[2])
		case spec.StageJoined:
			var sectors int64
			sectors, failed = strconv.ParseInt(string(found[2]), 10, 64)
			b.root = sectors * sector
			fallthrough
		default:
			b.stages[stage] = at.Sub(begin).Seconds()
		}
		return failed != nil || b.stages[spec.StageJoined] > 0
	})
	b.network = meter.received(joined)
	return b, errors.Join(err, failed)
}
