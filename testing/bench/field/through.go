package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"viver/testing/links"
	"viver/testing/links/crowd"
)

// runThrough has all nodes read all data at the same moment.
func (c contest) runThrough(ctx context.Context, o options) (r result, err error) {
	all := crowd.Options{Share: o.bytes + 1<<20, Cache: o.cache, AtOnce: o.atOnce, Profile: o.profile}
	err = o.in(ctx, c.rate, o.bytes, all, c.hosts(), func(net *links.Room, people *crowd.Crowd) (err error) {
		if c.system == nbdkit {
			r, err = runNbdkit(ctx, net, people.Data, o)
		} else {
			r, err = c.runViver(ctx, people, c.hosts(), o.verbose)
		}
		return err
	})
	return r, err
}

// preparation bounds what comes before the moment.
const preparation = 10 * time.Minute

// runViver starts a seed and members, and has all members read at the same moment.
func (c contest) runViver(ctx context.Context, people *crowd.Crowd, hosts []string, verbose bool) (r result, err error) {
	seed, err := people.Seed(ctx, "seed")
	if err != nil {
		return r, err
	}
	nodes, err := people.Members(ctx, hosts...)
	if err != nil {
		return r, err
	}
	if err := c.prepare(ctx, nodes); err != nil {
		return r, err
	}
	before, err := takeReads(nodes, seed.PID())
	if err != nil {
		return r, err
	}
	begin, lateness := time.Now(), newSleeper()
	err = crowd.All(nodes, func(p *crowd.Process) error { _, err := p.Read(); return err })
	r.seconds, r.late = time.Since(begin).Seconds(), lateness.end()
	if err != nil {
		return r, err
	}
	after, err := takeReads(nodes, seed.PID())
	if err != nil {
		return r, err
	}
	r.read = int64(len(nodes)) * people.Root.Size
	after.since(before, &r)
	if verbose {
		err = tell(nodes)
	}
	return r, err
}

// tell prints what the nodes have counted.
func tell(nodes []*crowd.Process) error {
	for _, p := range nodes {
		s, err := p.Status()
		if err != nil {
			return err
		}
		r := s.Reads
		fmt.Fprintf(os.Stderr, "%s: from nodes %.1f MB, from seeds %.1f, wasted %.1f, served %.1f; %d hedges (%d won), %d stalls; p50 %v p95 %v p99 %v\n",
			p.Name, mb(r.FromNodes), mb(r.FromSeeds), mb(r.Wasted), mb(r.Served), r.Hedges, r.HedgeWins, r.Stalls,
			r.P50.Round(time.Millisecond), r.P95.Round(time.Millisecond), r.P99.Round(time.Millisecond))
	}
	return nil
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }

// prepare waits until all know one another, and, warm, have their shares.
func (c contest) prepare(ctx context.Context, nodes []*crowd.Process) error {
	ctx, cancel := context.WithTimeout(ctx, preparation)
	defer cancel()
	if err := crowd.Until(ctx, nodes, crowd.Connected(c.nodes)); err != nil || c.mode == cold {
		return err
	}
	if err := crowd.All(nodes, (*crowd.Process).Open); err != nil {
		return err
	}
	return crowd.Until(ctx, nodes, crowd.HasShare)
}
