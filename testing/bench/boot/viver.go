package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/spec"
	"viver/testing/lab"
	"viver/testing/room"
)

// cluster is viver: a room that was applied once, whose machines boot again for each measurement.
type cluster struct {
	room  *room.Room
	image spec.Digest
}

func openViver(ctx context.Context, w *workshop) (_ system, err error) {
	say("viver apply")
	r, err := room.Open(ctx, room.Options{
		Name: labPrefix + viver, Config: "testing/bench/boot/room", Dir: filepath.Join(w.dir, viver), Machines: w.machines(),
		Vars: map[string]string{"kernel_arguments": lab.Arguments},
	})
	if err != nil {
		return nil, err
	}
	c := &cluster{r, w.image.id}
	if err := c.apply(ctx); err != nil {
		return nil, errors.Join(err, c.close(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// apply brings the room up once, and switches its machines off again.
func (c *cluster) apply(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		_, err := c.room.Run(gctx, "apply", "--auto-approve")
		return err
	})
	g.Go(func() error {
		if err := c.room.WaitServed(gctx); err != nil {
			return err
		}
		return c.each(len(c.room.Lab.Machines), func(m *lab.Machine) error { return c.room.Lab.PowerOn(gctx, m.Name) })
	})
	err := g.Wait()
	if err != nil {
		err = lastWords(err, &c.room.Lab.Machines[0])
	}
	return errors.Join(err, c.powerOff(ctx, len(c.room.Lab.Machines)))
}

// each calls f with the first machines.
func (c *cluster) each(nodes int, f func(*lab.Machine) error) (err error) {
	for i := range nodes {
		err = errors.Join(err, f(&c.room.Lab.Machines[i]))
	}
	return err
}

func (c *cluster) powerOff(ctx context.Context, nodes int) error {
	return c.each(nodes, func(m *lab.Machine) error { return c.room.Lab.PowerOff(context.WithoutCancel(ctx), m.Name) })
}

func (c *cluster) close(ctx context.Context) error { return c.room.Close(ctx) }

// boot implements system.
func (c *cluster) boot(ctx context.Context, nodes int) ([]boot, error) {
	boots := make([]boot, nodes)
	g, gctx := errgroup.WithContext(ctx)
	for i := range boots {
		m := &c.room.Lab.Machines[i]
		g.Go(func() (err error) {
			boots[i], err = c.bootOne(gctx, m)
			return lastWords(err, m)
		})
	}
	return boots, errors.Join(g.Wait(), c.powerOff(ctx, nodes))
}

func (c *cluster) bootOne(ctx context.Context, m *lab.Machine) (boot, error) {
	begin, err := powerOn(ctx, c.room.Lab, m)
	if err != nil {
		return boot{}, err
	}
	meter := meterOf(m)
	b := boot{stages: map[spec.Stage]float64{}}
	err = follow(ctx, m.SerialLog(), func(line []byte, at time.Time) bool {
		b.stages[spec.StageKernel] = at.Sub(begin).Seconds()
		return bytes.Contains(line, kernelSays)
	})
	if err != nil {
		meter.received(begin)
		return boot{}, err
	}
	seen, err := c.joined(ctx, m, begin)
	if err != nil {
		meter.received(begin)
		return boot{}, err
	}
	b.root, b.network = seen.BytesRead, meter.received(seen.LastSeen)
	// The machine's clock comes from its battery and knows whole seconds only. The seed's clock is this one's, and it has noted when it heard
	// of `joined`.
	off := seen.LastSeen.Sub(seen.Boot[len(seen.Boot)-1].At)
	for _, s := range seen.Boot {
		if s.Stage != spec.StageFirmware && s.Stage != spec.StageKernel { // these two are the seed's
			b.stages[s.Stage] = s.At.Add(off).Sub(begin).Seconds()
		}
	}
	return b, nil
}

// joined waits until the seed says that the machine has joined in the boot which began then. Nothing is asked meanwhile: it would take time
// from the machine that boots beside.
func (c *cluster) joined(ctx context.Context, m *lab.Machine, begin time.Time) (joined spec.Machine, err error) {
	err = c.room.Watch(ctx, func(seen spec.Machine) bool {
		joined = seen
		return seen.MAC == m.MAC && seen.Stage() == spec.StageJoined && seen.Boot[0].At.After(begin)
	})
	if err != nil {
		return joined, fmt.Errorf("not joined: %w", err)
	}
	if joined.Image != c.image {
		return joined, fmt.Errorf("it booted the image %s, and the peers %s", joined.Image, c.image)
	}
	return joined, nil
}
