package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"viver/testing/links"
	"viver/testing/links/crowd"
)

// result is one measurement of one contest.
type result struct {
	seconds float64 // until the last had read all
	read    int64   // bytes that all nodes have read
	network int64   // bytes of them that came over a line
	seed    int64   // bytes of them that the seed has sent
	cpu     time.Duration
	seedCPU time.Duration // of cpu
	rss     int64         // of the largest node, bytes
	late    time.Duration // by how much this computer was late on the average
}

// measure has all contests take place, in turns.
func measure(ctx context.Context, contests []contest, o options) (Report, error) {
	all, before := make(map[contest][]result), loadAverage()
	for range o.rounds {
		for _, c := range contests {
			begin := time.Now()
			r, err := c.run(ctx, o)
			if err != nil {
				return Report{}, fmt.Errorf("%s, %s, %d nodes: %w", c.system, c.mode, c.nodes, err)
			}
			all[c] = append(all[c], r)
			fmt.Fprintf(os.Stderr, "%s, %s, %d nodes at %d Mbit/s: %.2f of the line's rate (%s with all)\n",
				c.system, c.mode, c.nodes, c.rate/links.Mbit, c.ratio(r), time.Since(begin).Round(time.Second))
		}
	}
	return newReport(o, contests, all, before), nil
}

// ratio is the speed of each node on the average, divided by its line's rate. Warm, only what came over the line counts.
func (c contest) ratio(r result) float64 {
	bytes := r.read
	if c.mode == warm {
		bytes = r.network
	}
	return float64(bytes) * 8 / r.seconds / float64(c.nodes) / float64(c.rate)
}

// run measures once, in a room of its own.
func (c contest) run(ctx context.Context, o options) (r result, err error) {
	hosts := []string{"seed"}
	for i := range c.nodes {
		hosts = append(hosts, fmt.Sprintf("pc%02d", i+1))
	}
	net, err := links.Open(ctx, o.room, c.rate, hosts...)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, net.Close(context.WithoutCancel(ctx))) }()
	people, err := crowd.New(net, o.room, o.bytes, crowd.Options{Share: o.bytes + 1<<20, Cache: o.cache, AtOnce: o.atOnce, Profile: o.profile})
	if err != nil {
		return r, err
	}
	defer people.Close()
	if c.system == nbdkit {
		return runNbdkit(ctx, net, people.Data, o)
	}
	return c.runViver(ctx, people, hosts[1:], o.verbose)
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
	before, err := takeUsage(append(nodes, seed))
	if err != nil {
		return r, err
	}
	begin, lateness := time.Now(), newSleeper()
	err = crowd.All(nodes, func(p *crowd.Process) error { _, err := p.Read(); return err })
	r.seconds, r.late = time.Since(begin).Seconds(), lateness.end()
	if err != nil {
		return r, err
	}
	after, err := takeUsage(append(nodes, seed))
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
