package peer

import (
	"context"
	"fmt"

	"viver/nodeimage/field"
	"viver/nodeimage/nbd"
	"viver/nodeimage/spec"
)

// export is an image as connections get it: whichever has the ID when it is read. A connection outlives an image that is dropped, and the
// image may come back.
type export struct {
	field *field.Field
	id    spec.Digest
	size  int64
	share bool // for members: only what this one holds, or is to hold
}

// device is what both an image and its share are.
type device interface {
	nbd.Ready
	nbd.Holder
}

var _ device = export{}

// now returns the image; nil: it is not here.
func (e export) now() device {
	i := e.field.Image(e.id)
	switch {
	case i == nil:
		return nil
	case e.share:
		return i.Share()
	}
	return i
}

// Size implements nbd.Device.
func (e export) Size() int64 { return e.size }

// ReadAt implements nbd.Device.
func (e export) ReadAt(ctx context.Context, p []byte, off int64) error {
	if d := e.now(); d != nil {
		return d.ReadAt(ctx, p, off)
	}
	return fmt.Errorf("peer: image %s was dropped here", e.id)
}

// ReadNow implements nbd.Ready.
func (e export) ReadNow(p []byte, off int64) bool {
	d := e.now()
	return d != nil && d.ReadNow(p, off)
}

// Held implements nbd.Holder.
func (e export) Held(off int64) (held bool, length int64) {
	if d := e.now(); d != nil {
		return d.Held(off)
	}
	return false, e.size - off
}
