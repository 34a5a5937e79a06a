package field

import (
	"context"
	"fmt"
	"io"
	"time"

	"viver/nodeimage/spec"
)

// Image is an image as this member sees it: a device (nbd.Ready) that is whole, wherever its chunks are. It is safe for concurrent use.
type Image struct {
	field *Field
	state *image // only what does not change, and its table
	ahead ahead
}

// ID returns the image's ID.
func (i *Image) ID() spec.Digest { return i.state.id }

// Size returns the number of bytes.
func (i *Image) Size() int64 { return i.state.bytes }

// Use says that this machine runs the image; it is not dropped until Unuse was called as often.
func (i *Image) Use() error { return i.field.ask(func(*core) { i.state.users++ }) }

// Unuse takes one Use back.
func (i *Image) Unuse() error {
	return i.field.ask(func(*core) { i.state.users = max(0, i.state.users-1) })
}

// Held reports whether the chunk at off is here, and how many bytes there are from off to the end of the row of chunks of which the
// same is true. off must be within the image.
func (i *Image) Held(off int64) (held bool, length int64) {
	index := int(off / spec.ChunkSize)
	held = i.state.table.Has(index)
	for index++; index < i.state.chunks && i.state.table.Has(index) == held; index++ {
	}
	return held, min(int64(index)*spec.ChunkSize, i.state.bytes) - off
}

// Chunks returns the set of the chunks that are here.
func (i *Image) Chunks() Bits {
	b := NewBits(i.state.chunks)
	for index := range i.state.chunks {
		if i.state.table.Has(index) {
			b.Set(index, true)
		}
	}
	return b
}

// ReadAt fills p with the bytes from offset off. It goes on until it has succeeded or ctx ends, as long as there may be somebody who has
// the chunks; it returns ErrCorrupt when everybody has wrong ones, and ErrClosed.
func (i *Image) ReadAt(ctx context.Context, p []byte, off int64) error {
	i.look(off, len(p))
	return i.read(ctx, p, off, false)
}

// ReadNow is ReadAt for bytes that are here: it never waits, and reports whether it has read.
func (i *Image) ReadNow(p []byte, off int64) bool {
	if !i.readNow(p, off) {
		return false
	}
	i.look(off, len(p))
	return true
}

// readNow copies from the table, without a lock and without asking the owner of the state.
func (i *Image) readNow(p []byte, off int64) bool {
	if len(p) == 0 || !i.inside(p, off) {
		return false
	}
	first := off / spec.ChunkSize
	for at, rest := off-first*spec.ChunkSize, p; len(rest) > 0; first, at = first+1, 0 {
		c := i.state.table.Get(int(first))
		if c == nil {
			return false
		}
		rest = rest[copy(rest, c.Data()[at:]):]
		c.Release()
	}
	chunks := (off+int64(len(p))-1)/spec.ChunkSize - off/spec.ChunkSize + 1
	i.field.chunks.Add(chunks)
	i.field.hits.Add(chunks)
	return true
}

// inside reports whether the image has bytes for all of p from off on.
func (i *Image) inside(p []byte, off int64) bool {
	return off >= 0 && off <= i.state.bytes && int64(len(p)) <= i.state.bytes-off
}

// read copies the chunks that are here and waits for the others. peer says that it is for another member.
func (i *Image) read(ctx context.Context, p []byte, off int64, peer bool) error {
	if !i.inside(p, off) {
		return fmt.Errorf("field: read %d bytes at %d of %d: %w", len(p), off, i.state.bytes, io.ErrUnexpectedEOF)
	}
	if len(p) == 0 {
		return nil
	}
	var missing []*waiter
	for index := int(off / spec.ChunkSize); int64(index)*spec.ChunkSize < off+int64(len(p)); index++ {
		i.field.chunks.Add(1)
		if c := i.state.table.Get(index); c != nil {
			i.field.hits.Add(1)
			i.copy(p, off, index, c.Data())
			c.Release()
			continue
		}
		missing = append(missing, newWaiter(index, peer))
	}
	if len(missing) == 0 {
		return nil
	}
	if !i.field.post(func(c *core) { c.wanted(i.state, missing) }) {
		return ErrClosed
	}
	return i.await(ctx, p, off, missing)
}

// await takes the chunks as they come.
func (i *Image) await(ctx context.Context, p []byte, off int64, missing []*waiter) (err error) {
	for _, w := range missing {
		if err != nil {
			w.giveUp()
			continue
		}
		select {
		case a := <-w.done:
			if err = a.err; err == nil {
				i.copy(p, off, w.index, a.chunk.Data())
				a.chunk.Release()
			}
		case <-ctx.Done():
			w.giveUp()
			err = fmt.Errorf("field: read chunk %d of image %s: %w", w.index, i.state.id, ctx.Err())
		case <-i.field.ctx.Done():
			w.giveUp()
			err = ErrClosed
		}
	}
	return err
}

// copy copies to p, which is for the bytes from off on, what a chunk has of them.
func (i *Image) copy(p []byte, off int64, index int, data []byte) {
	begin := int64(index) * spec.ChunkSize
	if begin < off {
		copy(p, data[off-begin:])
	} else {
		copy(p[begin-off:], data)
	}
}

// look notes a read, and has fetched what will probably be read next.
func (i *Image) look(off int64, length int) {
	first, last, ok := i.ahead.read(off, off+int64(length), i.field.config.ReadAhead)
	last = min(last, i.state.chunks-1)
	for ok && first <= last && i.state.table.Has(first) {
		first++
	}
	if !ok || first > last {
		return
	}
	i.field.post(func(c *core) {
		for index := first; index <= last; index++ {
			c.want(i.state, index, classAhead)
		}
	})
}

// Share returns the image as other members get it: what this member holds, or is to hold.
func (i *Image) Share() *Share { return &Share{i} }

// Share is an image as other members get it: it answers for chunks that this member holds, or is to hold, and refuses all others, so that
// nobody waits for somebody who would only ask a third. It is safe for concurrent use.
type Share struct{ image *Image }

// Size returns the number of bytes of the image.
func (s *Share) Size() int64 { return s.image.Size() }

// Held is that of Image.
func (s *Share) Held(off int64) (bool, int64) { return s.image.Held(off) }

// ReadAt is that of Image, but returns ErrNowhere where another member should be asked.
func (s *Share) ReadAt(ctx context.Context, p []byte, off int64) error {
	f := s.image.field
	f.asked.Store(time.Now().UnixNano())
	f.serving.Add(int64(len(p)))
	defer f.serving.Add(-int64(len(p)))
	f.notice.give()
	err := s.image.read(ctx, p, off, true)
	if err == nil {
		f.served.Add(int64(len(p)))
	}
	return err
}

// ReadNow is that of Image.
func (s *Share) ReadNow(p []byte, off int64) bool {
	ok := s.image.readNow(p, off)
	if ok {
		s.image.field.asked.Store(time.Now().UnixNano())
		s.image.field.served.Add(int64(len(p)))
	}
	return ok
}
