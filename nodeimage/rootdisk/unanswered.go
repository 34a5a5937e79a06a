package rootdisk

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// unanswered is a device that remembers since when its reads wait. It is safe for concurrent use.
type unanswered struct {
	*ways

	mu    sync.Mutex
	count uint64
	begun map[uint64]time.Time
}

func newUnanswered(d *ways) *unanswered {
	return &unanswered{ways: d, begun: map[uint64]time.Time{}}
}

// ReadAt implements nbd.Device.
func (u *unanswered) ReadAt(ctx context.Context, p []byte, off int64) error {
	u.mu.Lock()
	u.count++
	number := u.count
	u.begun[number] = time.Now()
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		delete(u.begun, number)
		u.mu.Unlock()
	}()
	return u.ways.ReadAt(ctx, p, off)
}

// oldest returns since when the oldest read waits, and how many do; zero: none does.
func (u *unanswered) oldest() (since time.Time, reads int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range u.begun {
		if since.IsZero() || t.Before(since) {
			since = t
		}
	}
	return since, len(u.begun)
}

// Slow reports whether a block has been waited for so long, be it the first one, before the kernel asks for any.
func (d *Disk) Slow(long time.Duration) bool {
	since, _ := d.device.oldest()
	if first := d.first.Load(); first != nil && (since.IsZero() || first.Before(since)) {
		since = *first
	}
	return !since.IsZero() && time.Since(since) >= long
}

// Waiting says what the kernel waits for, if it has waited so long for any block: a machine that stands still can then say why. It is
// empty while blocks come.
func (d *Disk) Waiting(long time.Duration) string {
	since, reads := d.device.oldest()
	if since.IsZero() || time.Since(since) < long {
		return ""
	}
	return fmt.Sprintf("the root disk stands still since %s: blocks are asked of %s, reads that wait: %d", since.UTC().Format(time.TimeOnly+" MST"), d.failover.Current(), reads)
}
