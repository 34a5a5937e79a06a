package block

import (
	"container/list"

	"viver/nodeimage/spec"
)

// maxSpare is how many buffers of dropped chunks are kept for the next ones, so that a full cache makes no garbage.
const maxSpare = 8

// chunk is one chunk of an image, on its way or there. Until ready is closed, data and err belong to who loads it; then nobody changes
// them.
type chunk struct {
	index int64
	ready chan struct{}
	data  []byte
	err   error
	users int           // reads that hold it; guarded by the cache's owner
	place *list.Element // in cache.recent; nil: on its way, or dropped
}

// cache holds chunks, the least recently used of which go when there are too many bytes. It is not safe for concurrent use.
type cache struct {
	limit  int64
	bytes  int64 // of the chunks in recent
	chunks map[int64]*chunk
	recent *list.List // of *chunk, the last used first
	spare  [][]byte
}

func newCache(limit int64) cache {
	return cache{limit: limit, chunks: make(map[int64]*chunk), recent: list.New()}
}

// get returns the chunk with this index, nil if it is neither there nor on its way.
func (c *cache) get(index int64) *chunk {
	found := c.chunks[index]
	if found != nil && found.place != nil {
		c.recent.MoveToFront(found.place)
	}
	return found
}

// has reports whether the chunk with this index has come.
func (c *cache) has(index int64) bool {
	found := c.chunks[index]
	return found != nil && found.place != nil
}

// add enters a chunk that is on its way; keep or drop must follow.
func (c *cache) add(index, size int64) *chunk {
	added := &chunk{index: index, ready: make(chan struct{})}
	if n := len(c.spare); n > 0 {
		added.data, c.spare = c.spare[n-1][:size], c.spare[:n-1]
	} else {
		added.data = make([]byte, size, spec.ChunkSize)
	}
	c.chunks[index] = added
	return added
}

// keep says that a chunk has come.
func (c *cache) keep(came *chunk) {
	came.place = c.recent.PushFront(came)
	c.bytes += int64(len(came.data))
	c.shrink()
}

// hold returns all chunks that have come, each with one more user.
func (c *cache) hold() (all []*chunk) {
	for e := c.recent.Front(); e != nil; e = e.Next() {
		held := e.Value.(*chunk)
		held.users++
		all = append(all, held)
	}
	return all
}

// drop says that a chunk will not come.
func (c *cache) drop(failed *chunk) { delete(c.chunks, failed.index) }

// shrink forgets chunks that nobody holds, the longest unused first, until the limit is kept.
func (c *cache) shrink() {
	for e := c.recent.Back(); e != nil && c.bytes > c.limit; {
		old := e.Value.(*chunk)
		e = e.Prev()
		if old.users > 0 {
			continue
		}
		c.recent.Remove(old.place)
		delete(c.chunks, old.index)
		c.bytes -= int64(len(old.data))
		if len(c.spare) < maxSpare {
			c.spare = append(c.spare, old.data)
		}
	}
}
