package block

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	"viver/nodeimage/spec"
)

// Defaults of Options.
const (
	DefaultCacheBytes = 64 << 20
	DefaultReadAhead  = 4
)

// ErrClosed is what a Verified answers after Close.
var ErrClosed = errors.New("block: device is closed")

// Options are those of a Verified.
type Options struct {
	// CacheBytes is how many bytes of chunks are kept. Zero means DefaultCacheBytes; a chunk that is being read is always kept.
	CacheBytes int64
	// ReadAhead is how many chunks at most are fetched before they are asked for, when reads follow one another. Zero means
	// DefaultReadAhead, a negative number none.
	ReadAhead int
}

// Verified is a Device whose every byte was compared with an image's manifest, once, before it was cached or returned. Each
// chunk is fetched by one goroutine at a time, however many ask for it. It is safe for concurrent use.
type Verified struct {
	from    Fetcher
	root    spec.Root
	options Options
	ctx     context.Context // of all fetching: a chunk is worth having even when who asked for it has gone
	cancel  context.CancelFunc
	loads   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	cache   cache
	streams streams
}

// NewVerified returns the device which root describes, fetched from from. Close must be called. The manifest that root comes from
// must have been validated.
func NewVerified(from Fetcher, root spec.Root, options Options) (*Verified, error) {
	if from.Size() < root.Size {
		return nil, fmt.Errorf("block: the source has %d bytes, the image's root %d", from.Size(), root.Size)
	}
	if options.CacheBytes == 0 {
		options.CacheBytes = DefaultCacheBytes
	}
	if options.ReadAhead == 0 {
		options.ReadAhead = DefaultReadAhead
	}
	v := &Verified{from: from, root: root, options: options, cache: newCache(options.CacheBytes)}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	return v, nil
}

// Size implements Device.
func (v *Verified) Size() int64 { return v.root.Size }

// ReadAt implements Device.
func (v *Verified) ReadAt(ctx context.Context, p []byte, off int64) error {
	if !inside(v.root.Size, p, off) {
		return fmt.Errorf("block: read %d bytes at %d of %d: %w", len(p), off, v.root.Size, io.ErrUnexpectedEOF)
	}
	if len(p) == 0 {
		return nil
	}
	chunks, err := v.acquire(off, int64(len(p)))
	if err != nil {
		return err
	}
	defer v.release(chunks)
	for _, c := range chunks {
		select {
		case <-c.ready:
		case <-ctx.Done():
			return fmt.Errorf("block: read chunk %d: %w", c.index, ctx.Err())
		}
		if c.err != nil {
			return c.err
		}
	}
	fill(p, off, chunks)
	return nil
}

// fill copies the bytes from off to p. chunks hold them, and are there.
func fill(p []byte, off int64, chunks []*chunk) {
	for _, c := range chunks {
		n := copy(p, c.data[off-c.index*spec.ChunkSize:])
		p, off = p[n:], off+int64(n)
	}
}

// inside reports whether a device of so many bytes has some for all of p from off on.
func inside(size int64, p []byte, off int64) bool {
	return off >= 0 && off <= size && int64(len(p)) <= size-off
}

// ReadNow is ReadAt for bytes that are here already: it never waits, and reports whether it has read.
func (v *Verified) ReadNow(p []byte, off int64) bool {
	if len(p) == 0 || !inside(v.root.Size, p, off) {
		return false
	}
	chunks := v.acquireNow(off, int64(len(p)))
	if chunks == nil {
		return false
	}
	defer v.release(chunks)
	fill(p, off, chunks)
	return true
}

// acquireNow is acquire for chunks that have all come; it returns nil if one has not.
func (v *Verified) acquireNow(off, length int64) []*chunk {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := off / spec.ChunkSize; i <= (off+length-1)/spec.ChunkSize; i++ {
		if v.closed || !v.cache.has(i) {
			return nil
		}
	}
	return v.hold(off, length)
}

// acquire returns the chunks which hold length bytes from off. Those that are missing, and some that will be wanted next, are on
// their way.
func (v *Verified) acquire(off, length int64) ([]*chunk, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, ErrClosed
	}
	return v.hold(off, length), nil
}

// hold marks the chunks which hold length bytes from off as used. The caller holds mu.
func (v *Verified) hold(off, length int64) []*chunk {
	first, last := off/spec.ChunkSize, (off+length-1)/spec.ChunkSize
	chunks := make([]*chunk, 0, last-first+1)
	for i := first; i <= last; i++ {
		c := v.get(i)
		c.users++
		chunks = append(chunks, c)
	}
	ahead := v.streams.read(off, off+length, v.options.ReadAhead)
	for i := last + 1; i <= last+int64(ahead) && i < int64(len(v.root.Chunks)); i++ {
		v.get(i)
	}
	return chunks
}

// get returns a chunk; if it is missing, its loading begins. The caller holds mu.
func (v *Verified) get(index int64) *chunk {
	if c := v.cache.get(index); c != nil {
		return c
	}
	c := v.cache.add(index, min(spec.ChunkSize, v.root.Size-index*spec.ChunkSize))
	v.loads.Go(func() { v.load(c) })
	return c
}

func (v *Verified) load(c *chunk) {
	c.err = v.fetch(c)
	v.mu.Lock()
	defer v.mu.Unlock()
	if c.err != nil {
		v.cache.drop(c) // the next to ask tries again
	} else {
		v.cache.keep(c)
	}
	close(c.ready)
}

func (v *Verified) fetch(c *chunk) error {
	verified := false
	err := v.from.Fetch(v.ctx, c.data, c.index*spec.ChunkSize, func(p []byte) error {
		sum := sha256.Sum256(p)
		got, want := spec.Digest("sha256:"+hex.EncodeToString(sum[:])), v.root.Chunks[c.index]
		if verified = got == want; !verified {
			return fmt.Errorf("it has the digest %s, the manifest says %s", got, want)
		}
		return nil
	})
	switch {
	case v.ctx.Err() != nil:
		return ErrClosed
	case err == nil && !verified:
		return fmt.Errorf("block: read chunk %d: its source did not let it be checked", c.index)
	case err != nil:
		return fmt.Errorf("block: read chunk %d: %w", c.index, err)
	}
	return nil
}

func (v *Verified) release(chunks []*chunk) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range chunks {
		c.users--
	}
	v.cache.shrink()
}

// HandOver calls take with each chunk that is here, and then keeps no more than limit bytes of them: another has them now. data is for
// the call only. It ends with take's first error.
func (v *Verified) HandOver(limit int64, take func(index int, data []byte) error) error {
	v.mu.Lock()
	chunks := v.cache.hold()
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		v.cache.limit = limit
		v.mu.Unlock()
		v.release(chunks)
	}()
	for _, c := range chunks {
		if err := take(int(c.index), c.data); err != nil {
			return err
		}
	}
	return nil
}

// Close ends all fetching; reads under way fail. It does not close the Fetcher. It always returns nil.
func (v *Verified) Close() error {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.cancel()
	v.loads.Wait()
	return nil
}
