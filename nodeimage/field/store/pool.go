// Package store keeps chunks in memory outside of Go's heap, where the garbage collector would let them take twice their size, and
// lets many goroutines read them without a lock.
//
// It owns the bytes and who uses them. Which chunks are worth keeping is for package field.
package store

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"viver/nodeimage/spec"
)

// maxSpare is how many released buffers a Pool keeps for the next chunks.
const maxSpare = 16

// Pool makes chunks. The zero value is ready. It is safe for concurrent use.
type Pool struct {
	mu    sync.Mutex
	spare [][]byte
	bytes atomic.Int64
}

// New returns a chunk of so many bytes, at most spec.ChunkSize, which belongs to the caller: he fills it, and releases it once.
func (p *Pool) New(length int) (*Chunk, error) {
	if length < 0 || length > spec.ChunkSize {
		return nil, fmt.Errorf("store: a chunk of %d bytes: %d at most are possible", length, spec.ChunkSize)
	}
	buf, err := p.buffer()
	if err != nil {
		return nil, err
	}
	c := &Chunk{pool: p, buf: buf, length: length}
	c.refs.Store(1)
	return c, nil
}

func (p *Pool) buffer() ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.spare); n > 0 {
		buf := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return buf, nil
	}
	buf, err := unix.Mmap(-1, 0, spec.ChunkSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("store: no memory for a chunk: %w", err)
	}
	p.bytes.Add(spec.ChunkSize)
	return buf, nil
}

// put takes a buffer that nobody uses any more.
func (p *Pool) put(buf []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.spare) < maxSpare {
		p.spare = append(p.spare, buf)
		return
	}
	p.unmap(buf)
}

func (p *Pool) unmap(buf []byte) {
	if unix.Munmap(buf) == nil { // it fails only for what was not mapped
		p.bytes.Add(-spec.ChunkSize)
	}
}

// Bytes returns how much memory is taken, with what is kept for the next chunks.
func (p *Pool) Bytes() int64 { return p.bytes.Load() }

// Trim gives memory that no chunk uses back to the system.
func (p *Pool) Trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, buf := range p.spare {
		p.unmap(buf)
	}
	p.spare = nil
}
