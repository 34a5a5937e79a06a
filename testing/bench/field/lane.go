package main

import (
	"time"

	"viver/testing/links/crowd"
)

// lane is one of two ways of reading the same, and what came of it.
type lane struct {
	client *crowd.Process
	server int   // PID of who has the data
	others []int // of those on the way
	memory int   // PID of whom the RAM counts
	result
}

// race has two lanes read the same in turns. Who begins changes each time.
func race(a, b *lane, turns [][]crowd.Span, atOnce int) error {
	lateness := newSleeper()
	for i, spans := range turns {
		first, second := a, b
		if i%2 == 1 {
			first, second = b, a
		}
		for _, l := range []*lane{first, second} {
			if err := l.take(spans, atOnce); err != nil {
				lateness.end()
				return err
			}
		}
	}
	a.late = lateness.end()
	b.late = a.late
	return nil
}

// take reads, and adds what that took.
func (l *lane) take(spans []crowd.Span, atOnce int) error {
	all := append([]int{l.client.PID()}, append(l.others, l.server)...)
	before, err := cpusOf(all)
	if err != nil {
		return err
	}
	begin := time.Now()
	t, err := l.client.Replay(spans, atOnce)
	if err != nil {
		return err
	}
	l.seconds, l.read = l.seconds+time.Since(begin).Seconds(), l.read+t.Bytes
	after, err := cpusOf(all)
	if err != nil {
		return err
	}
	used := l.result
	usage{cpu: after}.since(usage{cpu: before}, &used)
	l.cpu, l.seedCPU = used.cpu, used.seedCPU
	l.rss, err = rssOf(l.memory)
	return err
}
