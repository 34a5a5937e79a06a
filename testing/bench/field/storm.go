package main

import (
	"context"
	"time"

	"viver/testing/links"
	"viver/testing/links/crowd"
)

const (
	// bootAtOnce is how many reads a booting machine has under way: the boot's chunks are fetched one after the other, and beside that
	// programs that start at once wait for theirs.
	bootAtOnce = 4
	// bootAhead is how many chunks a machine's member fetches before they are asked for, as in nodeimage/field/station.
	bootAhead = 4
)

// runStorm has one node boot alone, and then all at the same moment.
func (c contest) runStorm(ctx context.Context, o options) (result, error) {
	single := c
	single.nodes = 1
	alone, err := single.boot(ctx, o)
	if err != nil {
		return alone, err
	}
	r, err := c.boot(ctx, o)
	r.single, r.beside = alone.seconds, r.seconds/alone.seconds
	return r, err
}

// boot has all nodes boot at the same moment, in a room of their own.
func (c contest) boot(ctx context.Context, o options) (r result, err error) {
	// A machine that boots does not fetch its share.
	all := crowd.Options{Share: o.trace.size(), Cache: o.cache, Rest: true, ReadAhead: bootAhead, Profile: o.profile}
	err = o.in(ctx, c.rate, o.trace.size(), all, c.hosts(), func(net *links.Room, people *crowd.Crowd) (err error) {
		if c.system == nbdkit {
			r, err = c.bootPlain(ctx, net, people, o)
		} else {
			r, err = c.bootMembers(ctx, people, o)
		}
		return err
	})
	return r, err
}

// bootMembers has all nodes read the trace as members, which they are before or become at the moment.
func (c contest) bootMembers(ctx context.Context, people *crowd.Crowd, o options) (r result, err error) {
	seed, err := people.Seed(ctx, "seed")
	if err != nil {
		return r, err
	}
	nodes, err := c.bootable(ctx, people)
	if err != nil {
		return r, err
	}
	if r, err = o.bootAll(nodes, seed.PID(), nil); err != nil {
		return r, err
	}
	var reads usage // nobody has read before
	if err := reads.count(nodes); err != nil {
		return r, err
	}
	r.network, r.seed = reads.network, reads.seed
	if o.verbose {
		err = tell(nodes)
	}
	return r, err
}

// bootable are the nodes before the moment.
func (c contest) bootable(ctx context.Context, people *crowd.Crowd) ([]*crowd.Process, error) {
	if c.mode == joinStorm {
		return people.Idle(ctx, c.hosts()...)
	}
	nodes, err := people.Members(ctx, c.hosts()...)
	if err != nil {
		return nil, err
	}
	soon, cancel := context.WithTimeout(ctx, preparation) // the processes live longer
	defer cancel()
	return nodes, crowd.Until(soon, nodes, crowd.Connected(c.nodes))
}

// bootPlain has all nodes read the trace from a plain server.
func (c contest) bootPlain(ctx context.Context, net *links.Room, people *crowd.Crowd, o options) (r result, err error) {
	server, err := serveFile(ctx, net, people.Data)
	if err != nil {
		return r, err
	}
	defer func() { err = server.end(err) }()
	nodes, err := people.Idle(ctx, c.hosts()...)
	if err != nil {
		return r, err
	}
	r, err = o.bootAll(nodes, server.pid(), &crowd.Server{Address: server.address})
	r.network, r.seed = r.read, r.read
	return r, err
}

// bootAll is the moment. The server is nil for members.
func (o options) bootAll(nodes []*crowd.Process, serverPID int, s *crowd.Server) (r result, err error) {
	before, err := takeUsage(nodes, serverPID)
	if err != nil {
		return r, err
	}
	begin, lateness := time.Now(), newSleeper()
	err = crowd.All(nodes, func(p *crowd.Process) error { _, err := p.Boot(s, o.trace, bootAtOnce); return err })
	r.seconds, r.late = time.Since(begin).Seconds(), lateness.end()
	if err != nil {
		return r, err
	}
	after, err := takeUsage(nodes, serverPID)
	if err != nil {
		return r, err
	}
	r.read = int64(len(nodes)) * o.trace.bytes()
	after.since(before, &r)
	return r, nil
}
