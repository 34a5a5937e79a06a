package main

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"viver/nodeimage/discovery"
	"viver/nodeimage/field"
	"viver/nodeimage/field/station"
	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/pid1/network"
	"viver/nodeimage/spec"
)

const (
	// wakeAfter is the longest time that a machine which starts holds nothing for others.
	wakeAfter = 5 * time.Minute
	// settling is how long a machine that has come up is left to its users before it fetches what it is to hold, and up to how much more: in a
	// room that was switched on at once, not all are to begin at the same time.
	settling, staggered = time.Minute, time.Minute
	// slow is how long a block may take until others than the servers are looked for.
	slow = 10 * time.Second
)

// openStation makes this machine's place among those that share the root; nil if it has none. The root comes from servers then.
func (d *disk) openStation(root spec.Root) *station.Station {
	if d.PassportKey == "" {
		return nil
	}
	s, err := station.New(station.Config{
		Cluster: d.Bundle.Cluster, Trust: d.Bundle.Trust, Key: d.PassportKey, Boot: d.Request.BootID,
		Passports: func(ctx context.Context, changed func(spec.Passport)) error {
			return handover.WatchPassport(ctx, handover.PassportPath, changed)
		},
		Image: d.Bundle.Image, Root: root, Wishes: d.Join.Node.Field, Memory: d.Request.Facts.MemoryBytes,
		Hints: gossipHints(d.Bundle.Servers), Discover: d.discoverMembers, Door: handover.FieldPath,
		Ready: d.shareRoot, Gone: func() { d.root.Unshare() }, Log: d.log,
	}, d.state.Lease.Address.Addr())
	if err != nil {
		d.log.Error("this machine takes no part in the shared root", "error", err)
		return nil
	}
	return s
}

// gossipHints are where the servers of the bundle tell who lives.
func gossipHints(servers []spec.Server) (hints []string) {
	for _, s := range servers {
		if host, _, err := net.SplitHostPort(s.NBD); err == nil {
			hints = append(hints, net.JoinHostPort(host, strconv.Itoa(spec.PortGossip)))
		}
	}
	return hints
}

// discoverMembers finds machines that share roots, of whatever image.
func (d *disk) discoverMembers(ctx context.Context, found func(string)) {
	browse(ctx, spec.ServiceField, d.Bundle.Cluster, func(discovery.Found) bool { return true }, found)
}

// shareRoot lets the root be read through the other machines.
func (d *disk) shareRoot(image *field.Image) {
	if err := d.root.Share(image); err != nil {
		d.log.Warn("chunks that were read at boot are fetched again", "error", err)
	}
}

// takePart lets the machine share the root until ctx ends: from the moment that it has come up, or earlier if its servers are slow or dead.
// A boot whose blocks come at once has better to do.
func (d *disk) takePart(ctx context.Context) {
	if d.station == nil {
		return
	}
	d.awaitNeed(ctx)
	if err := d.station.Run(ctx); err != nil {
		d.log.Error("this machine takes no part in the shared root any more", "error", err)
	}
}

// awaitNeed waits until the machine has come up, or a block has been waited for too long.
func (d *disk) awaitNeed(ctx context.Context) {
	tick := time.NewTicker(slow / 4)
	defer tick.Stop()
	for !d.root.Slow(slow) {
		select {
		case <-d.ready:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// awaitReady waits until the machine has come up, or has not for so long that something must be wrong with it.
func (d *disk) awaitReady(ctx context.Context) {
	defer close(d.ready)
	ctx, cancel := context.WithTimeout(ctx, wakeAfter)
	defer cancel()
	if err := handover.WaitReady(ctx, handover.ReadyPath); err != nil {
		d.log.Warn(err.Error())
	}
}

// wake lets the machine hold its share some time after it has come up.
func (d *disk) wake(ctx context.Context) {
	if d.station == nil {
		return
	}
	<-d.ready
	select {
	case <-time.After(settling + rand.N(staggered)):
	case <-ctx.Done():
	}
	if err := d.station.Wake(); err != nil && ctx.Err() == nil {
		d.log.Warn(err.Error())
	}
}

// move says where the machine is found now.
func (d *disk) move(l network.Lease) {
	if d.station != nil {
		d.station.Move(l.Address.Addr())
	}
}

// bytesRead returns how many bytes of blocks have come over the network.
func (d *disk) bytesRead() int64 {
	n := d.root.BytesRead()
	if d.station != nil {
		n += d.station.Fetched()
	}
	return n
}
