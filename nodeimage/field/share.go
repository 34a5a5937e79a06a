package field

import (
	"slices"
	"time"

	"viver/nodeimage/field/placement"
	"viver/nodeimage/field/store"
	"viver/nodeimage/spec"
)

// lowestCache is what memory pressure leaves of the cache, in bytes.
const lowestCache = 4 << 20

// memory counts the chunks that are here, in bytes of memory.
type memory struct {
	limit        int64 // of cache
	share, cache int64
	hand         int // where the search for a chunk to drop goes on
}

// divide finds out anew which chunks are this member's share.
func (c *core) divide() {
	c.memory.share, c.memory.cache = 0, 0
	for _, i := range c.order {
		for index := range i.chunks {
			mine := c.rank(i, index) >= 0
			i.share.Set(index, mine)
			if i.table.Has(index) {
				*c.memory.of(mine) += spec.ChunkSize
			}
		}
	}
	c.evict()
}

func (m *memory) of(share bool) *int64 {
	if share {
		return &m.share
	}
	return &m.cache
}

// keep holds a chunk from now on.
func (c *core) keep(i *image, index int, chunk *store.Chunk, from string) {
	i.table.Put(index, chunk)
	i.origin[index] = from
	*c.memory.of(i.share.Has(index)) += spec.ChunkSize
	c.evict()
	c.do.announce()
}

// drop holds a chunk no longer.
func (c *core) drop(i *image, index int) {
	if i.table.Drop(index) {
		*c.memory.of(i.share.Has(index)) -= spec.ChunkSize
		c.do.announce()
	}
}

// evict drops chunks that are not of the share until the cache keeps its limit: those that were not read since the search came by
// last (the clock algorithm; Corbato 1968). A chunk that nobody else has is dropped only when all are like that, and one that is handed over not
// before others have it.
func (c *core) evict() {
	total := 0
	for _, i := range c.order {
		total += i.chunks
	}
	for steps := 0; c.memory.cache > c.memory.limit && steps < 4*total; steps++ {
		i, index := c.at(c.memory.hand % total)
		c.memory.hand = (c.memory.hand + 1) % total
		if i.share.Has(index) || !i.table.Has(index) || c.needed(i, index, steps < 2*total) {
			continue
		}
		c.drop(i, index)
	}
}

// needed reports whether a chunk that is not of the share should stay. When choosy is false it takes much for that.
func (c *core) needed(i *image, index int, choosy bool) bool {
	if (c.leaving != nil || c.retired) && c.replicas(i, index) < c.replicasWanted() {
		return true
	}
	return choosy && (i.table.Used(index) || !c.elsewhere(i, index))
}

// setCache changes how much memory the cache may take.
func (c *core) setCache(bytes int64) {
	c.memory.limit = max(lowestCache, min(bytes, c.config.Cache))
	c.evict()
}

// at returns a chunk by its number among those of all images.
func (c *core) at(n int) (*image, int) {
	for _, i := range c.order {
		if n < i.chunks {
			return i, n
		}
		n -= i.chunks
	}
	panic("field: there are fewer chunks") // evict counts them
}

// elsewhere reports whether somebody else is known to have a chunk.
func (c *core) elsewhere(i *image, index int) bool {
	return slices.ContainsFunc(c.linked, func(m *known) bool { return m.trusted() && m.holds(i, index) })
}

// complete returns the name of the plan if this member holds all that it is to hold by it, else zero.
func (c *core) complete() uint64 {
	if c.self < 0 || c.changed {
		return 0
	}
	for _, i := range c.order {
		for index := range i.chunks {
			if i.share.Has(index) && !i.table.Has(index) {
				return 0
			}
		}
	}
	return c.view
}

// How many chunks of the share are on their way at most while there are no reads, and while there are.
const (
	sharesIdle = 8
	sharesBusy = 1
)

// quiet reports whether neither this machine has read for a while, nor another reads.
func (c *core) quiet() bool {
	return c.now.Sub(c.demanded) >= c.config.Settle && !slices.ContainsFunc(c.linked, func(m *known) bool { return m.reading })
}

// fetchShare begins to fetch what is missing of the share, image by image: at full rate while nobody reads, at a sixteenth of it else.
func (c *core) fetchShare(passed time.Duration) {
	if c.config.Rest {
		return
	}
	rate, most := float64(c.config.ShareRate), sharesIdle
	if !c.quiet() {
		rate, most = rate/16, sharesBusy
	}
	c.allowed = min(c.allowed+rate*passed.Seconds(), float64(most)*spec.ChunkSize)
	under := 0 // of this image and those before it: chunks of others that cannot be had now must not keep it waiting
	for _, i := range c.order {
		for _, f := range i.flights {
			under += count(f.class == classShare)
		}
		for ; under < most && c.allowed >= spec.ChunkSize; under++ {
			index := c.missing(i)
			if index < 0 {
				break
			}
			c.want(i, index, classShare)
			c.allowed -= spec.ChunkSize
		}
	}
}

// missing returns a chunk of the share that is neither here nor on its way; -1: there is none. First come those which others
// get from this member, so that each leaves the seed once; then those that others have; each member begins at another place.
func (c *core) missing(i *image) int {
	second, third := -1, -1
	start := int(placement.Key(string(c.config.Self.ID)) % uint64(i.chunks))
	for n := range i.chunks {
		index := (start + n) % i.chunks
		if !i.share.Has(index) || i.table.Has(index) || i.flights[index] != nil {
			continue
		}
		switch {
		case c.rank(i, index) == 0:
			return index
		case second < 0 && c.elsewhere(i, index):
			second = index
		case third < 0:
			third = index
		}
	}
	if second >= 0 {
		return second
	}
	return third
}
