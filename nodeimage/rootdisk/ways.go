package rootdisk

import (
	"context"
	"sync/atomic"
	"time"

	"viver/nodeimage/block"
	"viver/nodeimage/nbd"
)

const (
	// turn is how long one way is waited for until the other is tried as well. Each goes on fetching meanwhile: what is asked of it again may be
	// there.
	turn = 3 * time.Second
	// rest is the pause when all ways have failed at once.
	rest = 200 * time.Millisecond
)

// ways are how blocks get here: from servers, which is all that there is at first, and through the shared root once this machine takes
// part in it. One in which nobody answers is no reason to fail as long as there is another. It is safe for concurrent use.
type ways struct {
	servers *block.Verified
	shared  atomic.Pointer[nbd.Ready]
}

// Size implements nbd.Device.
func (w *ways) Size() int64 { return w.servers.Size() }

// ReadNow implements nbd.Ready.
func (w *ways) ReadNow(p []byte, off int64) bool {
	if shared := w.shared.Load(); shared != nil {
		return (*shared).ReadNow(p, off)
	}
	return w.servers.ReadNow(p, off)
}

// ReadAt implements nbd.Device. It tries until it has succeeded or ctx ends.
func (w *ways) ReadAt(ctx context.Context, p []byte, off int64) error {
	for {
		if shared := w.shared.Load(); shared != nil && try(ctx, *shared, p, off) {
			return nil
		}
		began := time.Now()
		if try(ctx, w.servers, p, off) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rest - time.Since(began)): // at once, if it took long
		}
	}
}

// try reports whether d has delivered within its turn.
func try(ctx context.Context, d nbd.Device, p []byte, off int64) bool {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	return d.ReadAt(ctx, p, off) == nil
}
