package field_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// mbit is a megabit a second, in bytes.
const mbit = 1e6 / 8

// readThrough reads the whole image in order, some reads at once, as a copying program does, and checks every byte.
func (n *node) readThrough(ctx context.Context) error {
	const atOnce = 16
	offsets := make(chan int64)
	errs := make(chan error, atOnce)
	var readers sync.WaitGroup
	for range atOnce {
		readers.Go(func() {
			p := make([]byte, spec.ChunkSize)
			for off := range offsets {
				if err := n.check(ctx, p, off); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for off := int64(0); off < n.image.Size(); off += spec.ChunkSize {
		select {
		case offsets <- off:
		case err := <-errs:
			close(offsets)
			readers.Wait()
			return err
		}
	}
	close(offsets)
	readers.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// check reads up to a chunk and compares it.
func (n *node) check(ctx context.Context, p []byte, off int64) error {
	p = p[:min(int64(len(p)), n.image.Size()-off)]
	if !n.image.ReadNow(p, off) {
		if err := n.image.ReadAt(ctx, p, off); err != nil {
			return err
		}
	}
	if !bytes.Equal(p, n.room.data[off:off+int64(len(p))]) {
		n.room.t.Errorf("%s reads wrong bytes at %d", n.member.Name, off)
	}
	return nil
}

// readAll lets all machines but seeds read the image at the same moment and returns how long it took until the last was ready.
func (r *room) readAll() time.Duration {
	start := time.Now()
	var all sync.WaitGroup
	for _, n := range r.nodes {
		if n.field != nil {
			all.Go(func() {
				if err := n.readThrough(r.t.Context()); err != nil {
					r.t.Errorf("%s: %v", n.member.Name, err)
				}
			})
		}
	}
	all.Wait()
	return time.Since(start)
}

// TestColdStart is the headline: only the seed has the image, and all read it through at the same moment. From a plain server each
// would get its part of the seed's line: 1/8.
func TestColdStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count, chunks, rate = 8, 192, 100 * mbit
		r := newRoom(t, chunks, rate)
		defer r.close()
		r.fill(count, rate, field.Config{Self: field.Member{Share: 64 << 20}, Cache: 64 << 20})
		time.Sleep(100 * time.Millisecond)
		took := r.readAll()
		ratio := float64(len(r.data)) / rate / took.Seconds()
		sent := float64(r.nodes[0].sent) / float64(len(r.data))
		t.Logf("%d machines, %d chunks: %.2f of the link's rate; the seed has sent %.2f images", count, chunks, ratio, sent)
		if ratio < 0.7 || sent > 1.15 {
			t.Error("0.70 of the rate were expected, though the way is short, and 1.15 images")
		}
	})
}

// TestColdStartWithAnOwnerThatHangs has one machine that takes requests, shows that it lives, and answers nothing.
func TestColdStartWithAnOwnerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 100 * mbit
		r := newRoom(t, 96, rate)
		defer r.close()
		r.fill(4, rate, field.Config{Self: field.Member{Share: 64 << 20}, Cache: 64 << 20})
		r.nodes[2].set(func(n *node) { n.stalls = true })
		time.Sleep(100 * time.Millisecond)
		took := r.readAll()
		t.Logf("%v; the seed has sent %.2f images", took, float64(r.nodes[0].sent)/float64(len(r.data)))
		if took > 10*time.Second {
			t.Errorf("reading took %v, and needs some 3 s without that machine", took)
		}
	})
}
