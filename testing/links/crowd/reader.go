package crowd

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"viver/nodeimage/spec"
)

// reader reads chunks at random and checks each byte, until it is stopped.
type reader struct {
	worker *worker
	order  order
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu     sync.Mutex // guards the rest
	tally  Tally
	since  time.Time // when tally was reset
	waited []time.Duration
	begun  map[int]time.Time // reads under way, by task
}

// watch begins to read.
func watch(ctx context.Context, w *worker, o order) *reader {
	r := &reader{worker: w, order: o, since: time.Now(), begun: make(map[int]time.Time)}
	ctx, r.cancel = context.WithCancel(ctx)
	r.tasks.Go(func() { r.sleep(ctx) })
	for n := range w.AtOnce {
		r.tasks.Go(func() {
			for p := make([]byte, spec.ChunkSize); ctx.Err() == nil; {
				r.read(ctx, n, p)
				rest(ctx, o.Pause)
			}
		})
	}
	return r
}

// sleep looks how well this process sleeps.
func (r *reader) sleep(ctx context.Context) {
	const nap = 50 * time.Millisecond
	for ctx.Err() == nil {
		begun := time.Now()
		rest(ctx, nap)
		r.mu.Lock()
		r.tally.Late = max(r.tally.Late, time.Since(begun)-nap)
		r.mu.Unlock()
	}
}

func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (r *reader) stop() {
	r.cancel()
	r.tasks.Wait()
}

// read reads one chunk.
func (r *reader) read(ctx context.Context, task int, p []byte) {
	image, chunks := r.worker.image, r.worker.Root.Chunks
	index := rand.IntN(len(chunks))
	off := int64(index) * spec.ChunkSize
	p = p[:min(spec.ChunkSize, image.Size()-off)]
	begun := time.Now()
	r.began(task, begun)
	now := image.ReadNow(p, off)
	var err error
	if !now {
		limited, cancel := context.WithTimeout(ctx, r.order.Limit)
		err = image.ReadAt(limited, p, off)
		cancel()
	}
	if ctx.Err() != nil {
		return
	}
	r.ended(task, begun, now, int64(len(p)), err, err == nil && spec.DigestOf(p) != chunks[index])
}

func (r *reader) began(task int, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun[task] = at
}

// maxWaited bounds how many durations are remembered between two reports.
const maxWaited = 1 << 16

func (r *reader) ended(task int, begun time.Time, now bool, bytes int64, err error, wrong bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.begun, task)
	r.tally.Reads++
	r.tally.Longest = max(r.tally.Longest, r.within(begun))
	if !now && len(r.waited) < maxWaited {
		r.waited = append(r.waited, time.Since(begun))
	}
	switch {
	case err != nil:
		r.tally.Failed++
		r.tally.Error = err.Error()
	case wrong:
		r.tally.Wrong++
	default:
		r.tally.Bytes += bytes
	}
}

// within returns how long a read has taken since tally was reset.
func (r *reader) within(begun time.Time) time.Duration {
	return min(time.Since(begun), time.Since(r.since))
}

// tally returns what was seen since it was called last.
func (w *worker) tally() (*Tally, error) {
	if w.reader == nil {
		return nil, errNoMember
	}
	r := w.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tally
	for _, at := range r.begun {
		t.Longest = max(t.Longest, r.within(at))
	}
	if n := len(r.waited); n > 0 {
		slices.Sort(r.waited)
		t.Median = r.waited[n/2]
	}
	r.tally, r.since, r.waited = Tally{}, time.Now(), r.waited[:0]
	return &t, nil
}
