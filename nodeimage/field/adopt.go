package field

import (
	"fmt"

	"viver/nodeimage/field/store"
)

// Adopt takes over a copy of a chunk that this machine has got in another way, and verified: nobody has to fetch it again. Chunks that are
// here already stay as they are.
func (i *Image) Adopt(index int, data []byte) error {
	if index < 0 || index >= i.state.chunks || int64(len(data)) != i.state.length(index) {
		return fmt.Errorf("field: adopt %d bytes as chunk %d of %d of image %s: it has another length", len(data), index, i.state.chunks, i.state.id)
	}
	chunk, err := i.field.pool.New(len(data))
	if err != nil {
		return err
	}
	copy(chunk.Data(), data)
	if !i.field.post(func(c *core) { c.adopt(i.state, index, chunk) }) {
		chunk.Release()
		return ErrClosed
	}
	return nil
}

// adopt keeps a chunk, which is released here.
func (c *core) adopt(i *image, index int, chunk *store.Chunk) {
	defer chunk.Release()
	if c.images[i.id] != i || i.table.Has(index) {
		return
	}
	c.keep(i, index, chunk, "")
	if f := i.flights[index]; f != nil {
		c.finish(f, chunk, nil)
	}
}
