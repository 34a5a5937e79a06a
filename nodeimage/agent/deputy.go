package agent

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"viver/nodeimage/pid1/join"
	"viver/nodeimage/roster"
	"viver/nodeimage/spec"
)

const (
	// deputyRound is how often a deputy looks whether a server or another deputy is there, and whether its kit is still the last one.
	deputyRound = 5 * time.Second
	// patience is how long no server must have answered before a deputy admits machines.
	patience = 30 * time.Second
)

// gateway is what a deputy asks servers and other deputies: a *join.Client.
type gateway interface {
	Presence(ctx context.Context, address string) (*spec.Presence, error)
	Kit(ctx context.Context, address string, who join.Proof, have string) (*spec.Kit, error)
	HandOver(ctx context.Context, address string, who join.Proof, h spec.Handover) error
}

// deputy lets a node admit machines while no server can be reached, if its NodeSpec says so. What it needs for that, a server gave it before:
// the kit.
//
// Once in a round it looks who is there. A server comes first: the deputy tells it what it noted while there was none, stops admitting machines,
// and takes its kit. Among deputies the one that admits machines is followed by the others as if it were a server, so that any of them
// can take over from it; when several could begin, the first by name does (see superiors). All that is in RAM.
type deputy struct {
	client   gateway
	servers  func() []string // where servers and deputies may be found
	cluster  string
	mac      string
	joined   func() spec.JoinResponse // what this machine was told last
	path     string                   // of the file for the office
	listen   func() (net.Listener, error)
	announce func() // is called when it begins or ceases to admit machines
	now      func() time.Time
	log      *slog.Logger
	roster   *roster.Roster

	// What follows is for the goroutine of run.
	entrance *entrance // nil: nobody can ask it anything
	answer   time.Time // when a server answered last
	refused  bool      // by a server, since it got the kit
	trouble  string    // what was said last of a round that failed

	mu     sync.Mutex // guards the rest
	office *office    // nil: it has no kit
	admits bool
	port   int // of the entrance
}

// newDeputy goes on from what an agent before this one has left in RAM.
func newDeputy(c NodeConfig, log *slog.Logger, p *progress, announce func()) (*deputy, error) {
	d := &deputy{
		client: c.Client, servers: c.Client.Servers, cluster: c.Bundle.Cluster, mac: c.Request.MAC, joined: p.joined, announce: announce,
		path: filepath.Join(c.Dir, "deputy.json"), now: time.Now, log: log,
	}
	d.listen = func() (net.Listener, error) {
		if c.Join != nil {
			return c.Join, nil
		}
		return listen(spec.PortJoin)
	}
	known := filepath.Join(c.Dir, "roster.json")
	err := d.resume(known)
	if err != nil {
		log.Error("what this machine knew as a deputy is lost", "error", err)
		os.Remove(d.path)
		os.Remove(known)
		err = d.resume(known)
	}
	return d, err
}

// resume reads what an agent before this one has left: the office, and the roster at known.
func (d *deputy) resume(known string) (err error) {
	if d.office, err = loadOffice(d.path, d.cluster); err != nil {
		return err
	}
	now := func() time.Time { return d.now() }
	d.roster, err = roster.Open(roster.Config{Path: known, Cluster: d.cluster, Deputy: true, Now: now, Log: d.log})
	return err
}

// run goes from round to round until ctx ends. For a node that is no deputy, nothing comes of it.
func (d *deputy) run(ctx context.Context) {
	d.answer = d.now() // patience begins
	tick := time.NewTicker(deputyRound)
	defer tick.Stop()
	defer d.close()
	for {
		d.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round looks once who is there, and does what follows from that.
func (d *deputy) round(ctx context.Context) {
	if !d.joined().Node.IsDeputy() {
		d.drop("its node is not one any more")
		return
	}
	above := superiors(d.presence(), d.look(ctx))
	if len(above) > 0 && !above[0].Deputy {
		d.answer = d.now()
	}
	switch {
	case len(above) > 0:
		d.follow(ctx, above)
	case d.mayAdmit():
		d.begin()
	}
	d.open(ctx)
	if err := d.roster.Save(); err != nil {
		d.complain(err)
	}
}

// mayAdmit reports whether it could admit machines, and no server has answered for long enough.
func (d *deputy) mayAdmit() bool {
	return d.presence().Ready && d.isOpen() && !d.refused && d.now().Sub(d.answer) >= patience
}

// begin admits machines from now on.
func (d *deputy) begin() {
	if d.admit(true) {
		d.log.Warn("no server answers: this machine admits others, as a deputy", "server", d.desk().keys.Server)
	}
}

// admit notes whether it admits machines, and reports whether that is new.
func (d *deputy) admit(yes bool) bool {
	d.mu.Lock()
	changed := d.admits != yes
	d.admits = yes
	d.mu.Unlock()
	if changed {
		d.announce()
	}
	return changed
}

// complain says what is wrong, once.
func (d *deputy) complain(err error) {
	if text := err.Error(); text != d.trouble {
		d.trouble = text
		d.log.Warn("this machine cannot stand in for a server as it should", "error", err)
	}
}

// presence says who this is.
func (d *deputy) presence() spec.Presence {
	d.mu.Lock()
	defer d.mu.Unlock()
	return spec.Presence{Name: d.joined().Node.Name, Deputy: true, Ready: d.office != nil, Admits: d.admits}
}

// machines returns those that this deputy has heard of, from servers or from themselves.
func (d *deputy) machines() []spec.Machine { return append([]spec.Machine{}, d.roster.Machines()...) }
