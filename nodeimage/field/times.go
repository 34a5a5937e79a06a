package field

import (
	"slices"
	"time"
)

// tookDemand notes how long a chunk took that somebody waited for.
func (c *core) tookDemand(d time.Duration) {
	c.times.add(d)
	c.hedges = min(c.hedges+hedgeShare, hedgeBurst)
	c.spares = min(c.spares+hedgeShare, spareBurst)
}

// times are those that the last chunks took.
type times struct {
	last          [1024]time.Duration
	count         int
	p50, p95, p99 time.Duration
}

func (t *times) add(d time.Duration) {
	t.last[t.count%len(t.last)] = d
	if t.count++; t.count%32 == 0 {
		t.measure()
	}
}

func (t *times) measure() {
	sorted := slices.Sorted(slices.Values(t.last[:min(t.count, len(t.last))]))
	if n := len(sorted); n > 0 {
		t.p50, t.p95, t.p99 = sorted[n/2], sorted[n*95/100], sorted[n*99/100]
	}
}

// hedge returns after which time a second member is asked.
func (t *times) hedge() time.Duration {
	if t.count < 32 {
		return firstHedge
	}
	return max(t.p95, shortestHedge)
}
