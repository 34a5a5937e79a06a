package store

import "sync/atomic"

// Chunk is memory that holds one chunk. It is used by those who have a reference to it, and given back when the last has released his.
type Chunk struct {
	pool   *Pool
	buf    []byte
	length int
	refs   atomic.Int32
	used   atomic.Bool // since the last call of Used
}

// Data returns the bytes. They must not be changed once others have a reference, and not be touched after Release.
func (c *Chunk) Data() []byte { return c.buf[:c.length] }

// Retain makes one more reference. The caller must have one.
func (c *Chunk) Retain() { c.refs.Add(1) }

// Release gives a reference back.
func (c *Chunk) Release() {
	if c.refs.Add(-1) == 0 {
		c.pool.put(c.buf)
	}
}

// retain is Retain for who has no reference. It reports false if it came too late.
func (c *Chunk) retain() bool {
	for {
		n := c.refs.Load()
		if n == 0 {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Table holds the chunks of one image that are in memory. Any number of goroutines may read it, while one changes it (Put, Drop).
type Table struct {
	chunks []atomic.Pointer[Chunk]
}

// NewTable returns an empty table for so many chunks.
func NewTable(chunks int) *Table { return &Table{chunks: make([]atomic.Pointer[Chunk], chunks)} }

// Len returns how many chunks the image has.
func (t *Table) Len() int { return len(t.chunks) }

// Has reports whether a chunk is there at this moment.
func (t *Table) Has(i int) bool { return t.chunks[i].Load() != nil }

// Get returns a chunk with a reference for the caller, and nil if it is not there.
func (t *Table) Get(i int) *Chunk {
	for {
		c := t.chunks[i].Load()
		if c == nil {
			return nil
		}
		if c.retain() {
			if !c.used.Load() {
				c.used.Store(true)
			}
			return c
		}
	}
}

// Put enters a chunk in an empty place. The table has a reference of its own to it.
func (t *Table) Put(i int, c *Chunk) {
	c.Retain()
	t.chunks[i].Store(c)
}

// Drop empties a place and reports whether there was a chunk. Who has a reference may go on reading.
func (t *Table) Drop(i int) bool {
	c := t.chunks[i].Swap(nil)
	if c != nil {
		c.Release()
	}
	return c != nil
}

// Used reports whether a chunk was read since the last call for it. It is false for one that is not there.
func (t *Table) Used(i int) bool {
	c := t.chunks[i].Load()
	return c != nil && c.used.Swap(false)
}
