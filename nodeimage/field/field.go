package field

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"viver/nodeimage/field/store"
	"viver/nodeimage/spec"
)

const (
	// dialTime bounds connecting to a member.
	dialTime = 5 * time.Second
	// maxEvents is how many events wait for the owner of the state.
	maxEvents = 256
)

var errNoMemory = errors.New("there is no memory")

// Field is this member. It is safe for concurrent use.
type Field struct {
	config Config
	pool   store.Pool
	events chan func(*core)
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // all but the owner of the state
	done   chan struct{}  // closed when the owner of the state has ended
	notice notice

	leaving atomic.Bool  // as the others are told
	reading atomic.Bool  // as the others are told
	serving atomic.Int64 // bytes that others wait for
	asked   atomic.Int64 // when another has asked last, Unix nanoseconds
	served  atomic.Int64
	fetched atomic.Int64
	whole   atomic.Uint64 // as in Member.Complete
	chunks  atomic.Int64  // read
	hits    atomic.Int64

	mu     sync.RWMutex
	images map[spec.Digest]*Image
}

// Open begins to take part, alone until Up tells of others. Close must be called.
func Open(config Config) (*Field, error) {
	if config.Self.ID == "" || config.Peers == nil {
		return nil, errors.New("field: a member needs an ID and a way to reach others")
	}
	f := &Field{
		config: config.withDefaults(), events: make(chan func(*core), maxEvents), done: make(chan struct{}), images: make(map[spec.Digest]*Image),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.notice.init()
	c := newCore(f.config, f, rand.IntN, time.Now())
	go f.own(c) // Close waits for it
	return f, nil
}

// readingTime is for how long after a read a member says that it reads.
const readingTime = 500 * time.Millisecond

// own is the goroutine that owns the state.
func (f *Field) own(c *core) {
	defer close(f.done)
	defer f.end(c)
	timer := time.NewTimer(0)
	defer timer.Stop()
	resting := true // the timer is set for a long time
	for f.ctx.Err() == nil {
		select {
		case <-f.ctx.Done():
			return
		case event := <-f.events:
			c.now = time.Now()
			event(c)
			f.more(c)
		case <-timer.C:
			c.now = time.Now()
			c.busy = c.tick()
			f.whole.Store(c.complete())
			resting = !c.busy
			timer.Reset(pace(c.busy))
		}
		c.settle()
		if resting && c.busy {
			resting = false
			timer.Reset(busyTick)
		}
		f.leaving.Store(c.leaving != nil || c.retired)
		f.reading.Store(c.now.Sub(c.demanded) < readingTime)
	}
}

// How often the owner looks what time has brought: while chunks are on their way, and else.
const busyTick, restTick = 20 * time.Millisecond, 250 * time.Millisecond

func pace(busy bool) time.Duration {
	if busy {
		return busyTick
	}
	return restTick
}

// more handles the events that have come meanwhile, so that what follows is done once for all of them.
func (f *Field) more(c *core) {
	for range maxEvents {
		select {
		case event := <-f.events:
			event(c)
		default:
			return
		}
	}
}

// end gives everything back.
func (f *Field) end(c *core) {
	for _, i := range c.order {
		for _, flight := range i.flights {
			c.finish(flight, nil, ErrClosed)
		}
	}
	for _, m := range c.members {
		if m.link != nil {
			f.close(m.link)
		}
	}
	if c.leaving != nil && c.leaving.answer != nil {
		c.leaving.answer <- ErrClosed
	}
	f.tasks.Wait()
	for _, i := range c.order {
		for index := range i.chunks {
			i.table.Drop(index)
		}
	}
	f.pool.Trim()
}

// post has an event handled. It reports false when there is nobody any more to handle it.
func (f *Field) post(event func(*core)) bool {
	select {
	case f.events <- event:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// ask has an event handled and waits for that.
func (f *Field) ask(event func(*core)) error {
	handled := make(chan struct{})
	f.post(func(c *core) { event(c); close(handled) })
	select {
	case <-handled:
		return nil
	case <-f.done:
		return ErrClosed
	}
}

// dial implements doer.
func (f *Field) dial(m *known, generation int) {
	told := m.Member
	f.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(f.ctx, dialTime)
		defer cancel()
		link, err := f.config.Peers.Dial(ctx, told, func(msg Message) { f.post(func(c *core) { c.told(m, generation, msg) }) })
		if !f.post(func(c *core) { c.dialed(m, generation, link, err) }) {
			if err == nil {
				_ = link.Close()
			}
			return
		}
		if err != nil {
			return
		}
		select {
		case <-link.Lost():
			f.post(func(c *core) { c.lost(m, link, link.Err()) })
		case <-f.ctx.Done():
		}
	})
}

// announce implements doer.
func (f *Field) announce() { f.notice.give() }

// close implements doer.
func (f *Field) close(link Link) { f.tasks.Go(func() { _ = link.Close() }) }

// fetch implements doer.
func (f *Field) fetch(a *attempt) {
	i, index, link := a.flight.image, a.flight.index, a.link
	f.tasks.Go(func() {
		chunk, err := f.pool.New(int(i.length(index)))
		if err != nil {
			err = fmt.Errorf("%w: %w", errNoMemory, err)
		} else if err = f.fill(link, i, index, chunk.Data()); err != nil {
			chunk.Release()
		}
		if !f.post(func(c *core) { c.landed(a, chunk, err) }) && err == nil {
			chunk.Release()
		}
	})
}

// fill reads a chunk and verifies it.
func (f *Field) fill(link Link, i *image, index int, p []byte) error {
	if err := link.Read(f.ctx, i.id, index, p); err != nil {
		return err
	}
	f.fetched.Add(int64(len(p)))
	if sha256.Sum256(p) != i.digests[index] {
		return errWrong
	}
	return nil
}

// Close ends all reads and connections and frees the memory. Nobody may begin a read after it has returned. It always returns nil.
func (f *Field) Close() error {
	f.cancel()
	<-f.done
	return nil
}
