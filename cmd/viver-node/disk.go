package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	"viver/nodeimage/discovery"
	"viver/nodeimage/field/station"
	"viver/nodeimage/pid1"
	"viver/nodeimage/pid1/console"
	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/pid1/network"
	"viver/nodeimage/rootdisk"
	"viver/nodeimage/spec"
)

const (
	// rootDevice is N of /dev/nbdN.
	rootDevice = 0
	// distribution is the root of PID 1, seen from processes whose own root is the initramfs.
	distribution = "/proc/1/root"
	// counting is how often it is looked at what the agent is to be told: the bytes read, and whether blocks come.
	counting = time.Second
	// stillAfter is how long a read waits until that is said.
	stillAfter = 10 * time.Second
)

// disk is the process on a diskless machine that the machine's life hangs on: it serves the root and keeps the address. It starts no
// programs, see pid1.Supervise, and tells no server anything: that is for the agent, which reads the state.
type disk struct {
	*handover.Document
	log     *slog.Logger
	channel *handover.Channel
	root    *rootdisk.Disk
	station *station.Station // nil: this machine takes no part in the shared root
	leaving chan struct{}    // closed when the machine begins to go down
	ready   chan struct{}    // closed when it has come up, or should have

	mu    sync.Mutex // guards state and its file
	state handover.State
}

// runDisk serves the root until it was released at the machine's end. It returns an error if it cannot, and is started again then.
func runDisk() error {
	log := console.Kernel()
	if err := pid1.Protect(); err != nil {
		log.Warn(fmt.Sprintf("protect the root disk's process: %v", err))
	}
	channel, err := handover.OpenChannel(os.NewFile(handover.ChannelFD, "channel"))
	if err != nil {
		return err
	}
	d, err := newDisk(log, channel)
	if err != nil {
		channel.Trouble(err.Error())
		return err
	}
	defer d.root.Close()
	return d.run(context.Background())
}

func newDisk(log *slog.Logger, channel *handover.Channel) (*disk, error) {
	d := &disk{log: log, channel: channel, leaving: make(chan struct{}), ready: make(chan struct{})}
	var err error
	if d.Document, err = handover.Read(handover.Path); err != nil {
		return nil, err
	}
	if d.state, err = handover.ReadState(handover.StatePath); err != nil {
		return nil, err
	}
	root, err := d.readRoot()
	if err != nil {
		return nil, err
	}
	d.station = d.openStation(root)
	d.root, err = d.openRoot(root)
	return d, err
}

// readRoot returns what the image's manifest says of the root.
func (d *disk) readRoot() (spec.Root, error) {
	data, err := os.ReadFile(spec.ManifestPath)
	if err != nil {
		return spec.Root{}, fmt.Errorf("image manifest: %w", err)
	}
	manifest, err := spec.DecodeManifest(data, d.Bundle.Image)
	if err != nil {
		return spec.Root{}, err
	}
	if !d.state.Root.IsZero() { // a process before this one has served the boot
		manifest.Root.Boot = 0
	}
	return manifest.Root, nil
}

func (d *disk) openRoot(root spec.Root) (*rootdisk.Disk, error) {
	return rootdisk.Open(rootdisk.Config{
		Image: d.Bundle.Image, Root: root, Servers: d.Bundle.Servers, Device: rootDevice, Log: d.log,
		Discover: func(ctx context.Context, found func(string)) {
			has := func(f discovery.Found) bool { return slices.Contains(f.Text, "image="+string(d.Bundle.Image)) }
			browse(ctx, spec.ServiceNBD, d.Bundle.Cluster, has, found)
		},
	})
}

// run lets all parts run until the root disk is released.
func (d *disk) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() { d.awaitLeave(ctx) })
	lease, noted := d.state.Lease, d.state.Waiting
	others.Go(func() {
		network.Keep(ctx, network.Kernel{}, lease, func(l network.Lease) {
			d.note(func(s *handover.State) { s.Lease = l })
			d.move(l)
		}, d.log)
	})
	others.Go(func() { d.awaitReady(ctx) })
	others.Go(func() { d.takePart(ctx) })
	others.Go(func() { d.wake(ctx) })
	others.Go(func() { d.followBoot(ctx) })
	others.Go(func() { d.count(ctx) })
	others.Go(func() { d.followStandstill(ctx, noted) })
	err := d.root.Serve(ctx, d.channel.Attached, d.channel.Trouble)
	select {
	case <-d.leaving:
	case <-time.After(time.Second): // the signal comes before the release, but may be noticed after it
		err = errors.Join(errors.New("the root disk is not attached any more, but the machine is not going down"), err)
		d.channel.Trouble(err.Error())
	}
	cancel()
	others.Wait()
	return err
}

// awaitLeave waits for the signal that says that the machine is going down.
func (d *disk) awaitLeave(ctx context.Context) {
	if leave(ctx) {
		close(d.leaving)
	}
}

// leave waits for the signal that says that the machine is going down, and returns false if ctx ends before.
func leave(ctx context.Context) bool {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, pid1.Leave)
	defer signal.Stop(signals)
	select {
	case <-signals:
		return true
	case <-ctx.Done():
		return false
	}
}

// note changes the state, for the agent and for a process after this one.
func (d *disk) note(change func(*handover.State)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.state)
	if err := handover.WriteState(handover.StatePath, d.state); err != nil {
		d.log.Warn(err.Error())
	}
}

// followBoot notes the root when init has mounted it, and does what is to be done when the distribution's init has taken over. For
// a process that follows a dead one, that is at once.
func (d *disk) followBoot(ctx context.Context) {
	defer context.AfterFunc(ctx, func() { d.channel.Close() })()
	d.channel.WaitHandover(func() {
		d.note(func(s *handover.State) { s.Root = time.Now().UTC() })
	})
	if ctx.Err() != nil {
		return
	}
	if err := pid1.SpareFromKillall(distribution); err != nil {
		d.log.Warn(err.Error())
	}
}

// count notes the bytes read, on top of what a process before this one had read.
func (d *disk) count(ctx context.Context) {
	counter, err := handover.OpenCounter(handover.CounterPath)
	if err != nil {
		d.log.Warn(err.Error())
		return
	}
	defer counter.Close()
	before, err := counter.Get()
	for tick := time.NewTicker(counting); err == nil; {
		err = counter.Set(before + d.bytesRead())
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
	d.log.Warn(err.Error())
}

// followStandstill notes when the root disk stands still, and when it goes on. noted is what the state says now, perhaps of a process before
// this one.
func (d *disk) followStandstill(ctx context.Context, noted string) {
	tick := time.NewTicker(counting)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		waiting := d.root.Waiting(stillAfter)
		if waiting == noted {
			continue
		}
		if noted = waiting; waiting == "" {
			d.log.Warn("the root disk goes on")
		} else {
			d.log.Warn(waiting)
		}
		d.note(func(s *handover.State) { s.Waiting = waiting })
	}
}
