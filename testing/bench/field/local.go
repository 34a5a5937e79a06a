package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"viver/testing/links"
	"viver/testing/links/crowd"
)

const (
	// hitPasses is how often the data is read from RAM, in turns with the peer; hitAtOnce is how many chunks at once.
	hitPasses, hitAtOnce = 8, 16
	// missTurn is how many chunks are read as misses until it is the other's turn. They are read one by one, at random: it is the time of
	// each that counts, and nothing may be there before it is asked for.
	missTurn = 16
)

// neighbours are a member with nothing in its RAM, and a peer that has all. There is no seed any more.
type neighbours struct {
	net        *links.Room
	people     *crowd.Crowd
	peer, node *crowd.Process
	clients    []*crowd.Process // on the node's host
}

// runLocal measures misses and hits beside the peers of each.
func (c contest) runLocal(ctx context.Context, o options) (list []outcome, err error) {
	all := crowd.Options{Share: o.bytes + 1<<20, Cache: o.cache, AtOnce: o.atOnce, Rest: true}
	err = o.in(ctx, c.rate, o.bytes, all, []string{"peer", "pc01"}, func(net *links.Room, people *crowd.Crowd) error {
		n := neighbours{net: net, people: people}
		if err := n.prepare(ctx); err != nil {
			return err
		}
		misses, directs, err := n.misses()
		if err != nil {
			return err
		}
		hits, memories, err := n.hits(ctx)
		misses.beside, hits.beside = misses.seconds/directs.seconds, memories.seconds/hits.seconds
		list = []outcome{
			{contest{viver, hit, 1, 0}, hits},
			{contest{nbdkit, hit, 1, 0}, memories},
			{contest{viver, miss, 1, c.rate}, misses},
			{contest{viver, direct, 1, c.rate}, directs},
		}
		return err
	})
	return list, err
}

// prepare has the peer read all, and ends the seed.
func (n *neighbours) prepare(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, preparation) // the processes live longer
	defer cancel()
	seed, err := n.people.Seed(ctx, "seed")
	if err != nil {
		return err
	}
	if n.peer, err = n.people.Member(ctx, "peer"); err != nil {
		return err
	}
	if _, err := n.peer.Read(); err != nil {
		return err
	}
	if err := crowd.Until(soon, []*crowd.Process{n.peer}, crowd.HasShare); err != nil {
		return err
	}
	if err := seed.Kill(); err != nil {
		return err
	}
	if n.node, err = n.people.Member(ctx, "pc01"); err != nil {
		return err
	}
	if n.clients, err = n.people.Idle(ctx, "pc01", "pc01"); err != nil {
		return err
	}
	return crowd.Until(soon, []*crowd.Process{n.peer, n.node}, crowd.Connected(1))
}

// misses reads each chunk once through the member, and once from the peer.
func (n *neighbours) misses() (through, straight result, err error) {
	exported, err := n.node.Export()
	if err != nil {
		return through, straight, err
	}
	a := &lane{client: n.clients[0], server: n.peer.PID(), others: []int{n.node.PID()}, memory: n.node.PID()}
	b := &lane{client: n.clients[1], server: n.peer.PID(), memory: n.clients[1].PID()}
	if err := a.client.Connect(exported); err != nil {
		return through, straight, err
	}
	if err := b.client.Connect(n.people.Blocks("peer")); err != nil {
		return through, straight, err
	}
	spans := n.people.Chunks()
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
	var turns [][]crowd.Span
	for len(spans) > 0 {
		m := min(missTurn, len(spans))
		turns, spans = append(turns, spans[:m]), spans[m:]
	}
	if err := race(a, b, turns, 1); err != nil {
		return through, straight, err
	}
	a.network, b.network = a.read, b.read
	return a.result, b.result, n.came(n.people.Root.Size)
}

// came makes sure that so many bytes have come to the member from the peer, and no others.
func (n *neighbours) came(bytes int64) error {
	s, err := n.node.Status()
	if r := s.Reads; err == nil && (r.FromNodes-r.Wasted != bytes || r.FromSeeds != 0) {
		err = fmt.Errorf("%d bytes came from the peer and %d from a seed: want %d and none", r.FromNodes, r.FromSeeds, bytes)
	}
	return err
}

// hits reads what is in the member's RAM by now, and the same in nbdkit's.
func (n *neighbours) hits(ctx context.Context) (ours, theirs result, err error) {
	server, err := serveMemory(ctx, n.net, "pc01", filepath.Join(filepath.Dir(n.people.Data), "nbdkit.sock"), n.people.Data, n.people.Root.Size)
	if err != nil {
		return ours, theirs, err
	}
	defer func() { err = server.end(err) }()
	a := &lane{client: n.clients[0], server: n.node.PID(), memory: n.node.PID()} // it is connected
	b := &lane{client: n.clients[1], server: server.pid(), memory: server.pid()}
	if err := b.client.Connect(crowd.Server{Address: server.address}); err != nil {
		return ours, theirs, err
	}
	var turns [][]crowd.Span
	for range hitPasses {
		turns = append(turns, n.people.Chunks())
	}
	if err := race(a, b, turns, hitAtOnce); err != nil {
		return ours, theirs, err
	}
	return a.result, b.result, n.came(n.people.Root.Size)
}
