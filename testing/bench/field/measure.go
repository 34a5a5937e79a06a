package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
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
	single  float64       // seconds that one alone took, in a storm
	beside  float64       // the Ratio of a Row
}

// outcome is what came of a contest, or of one of those that share a room.
type outcome struct {
	contest
	result
}

func (x outcome) String() string {
	switch x.mode {
	case storm, joinStorm:
		return fmt.Sprintf("%s, %s, %d nodes at %d Mbit/s: %.1f s, %.2f times that of one alone", x.system, x.mode, x.nodes, x.rate/links.Mbit, x.seconds, x.beside)
	case hit, miss, direct:
		return fmt.Sprintf("%s, %s: %.0f MB/s", x.system, x.mode, mb(x.read)/x.seconds)
	}
	return fmt.Sprintf("%s, %s, %d nodes at %d Mbit/s: %.2f of the line's rate", x.system, x.mode, x.nodes, x.rate/links.Mbit, x.ratio(x.result))
}

// measure has all contests take place, in turns.
func measure(ctx context.Context, contests []contest, o options) (Report, error) {
	var order []contest
	all, before := make(map[contest][]result), loadAverage()
	for range o.rounds {
		for _, c := range contests {
			begin := time.Now()
			outcomes, err := c.run(ctx, o)
			if err != nil {
				return Report{}, fmt.Errorf("%s, %s, %d nodes: %w", c.system, c.mode, c.nodes, err)
			}
			for _, x := range outcomes {
				if !slices.Contains(order, x.contest) {
					order = append(order, x.contest)
				}
				all[x.contest] = append(all[x.contest], x.result)
				fmt.Fprintf(os.Stderr, "%v (%s with all)\n", x, time.Since(begin).Round(time.Second))
			}
		}
	}
	return newReport(o, order, all, before), nil
}

// ratio is the speed of each node on the average, divided by its line's rate. Warm, only what came over the line counts.
func (c contest) ratio(r result) float64 {
	if c.rate == 0 {
		return 0
	}
	bytes := r.read
	if c.mode == warm {
		bytes = r.network
	}
	return float64(bytes) * 8 / r.seconds / float64(c.nodes) / float64(c.rate)
}

// run measures once.
func (c contest) run(ctx context.Context, o options) ([]outcome, error) {
	run := c.runThrough
	switch c.mode {
	case local:
		return c.runLocal(ctx, o)
	case storm, joinStorm:
		run = c.runStorm
	}
	r, err := run(ctx, o)
	return []outcome{{c, r}}, err
}

// in has something take place in a room of its own, with an image of so many bytes. The first host is the seed.
func (o options) in(ctx context.Context, rate links.Rate, bytes int64, all crowd.Options, hosts []string, do func(*links.Room, *crowd.Crowd) error) (err error) {
	net, err := links.Open(ctx, o.room, rate, append([]string{"seed"}, hosts...)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Close(context.WithoutCancel(ctx))) }()
	people, err := crowd.New(net, o.room, bytes, all)
	if err != nil {
		return err
	}
	defer people.Close()
	return do(net, people)
}

// hosts are those of the nodes.
func (c contest) hosts() (list []string) {
	for i := range c.nodes {
		list = append(list, fmt.Sprintf("pc%02d", i+1))
	}
	return list
}
