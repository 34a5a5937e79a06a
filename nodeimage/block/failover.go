package block

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// Defaults of FailoverOptions.
const (
	DefaultStall   = 500 * time.Millisecond
	DefaultSilence = 5 * time.Second
)

// ErrCorrupt says that every source delivered wrong bytes.
var ErrCorrupt = errors.New("every server has delivered wrong bytes")

var errBudget = errors.New("no server has answered in time")

// Conn is an open connection to a server. nbd.Client is one.
type Conn interface {
	Device
	// Received returns how many bytes of data have arrived: while it grows, the server is alive.
	Received() int64
	// Err returns why the connection is lost, nil while it can be used.
	Err() error
	Close() error
}

// Source is a server that can be asked.
type Source struct {
	Name string // for messages
	// Dial connects to the server. It returns soon after ctx has ended.
	Dial func(ctx context.Context) (Conn, error)
}

// FailoverOptions are those of a Failover.
type FailoverOptions struct {
	// Budget is how long one read is tried until it fails. Zero: as long as its context lives.
	Budget time.Duration
	// Stall is for how long a server may send nothing, while asked, until the next is asked as well. Zero means DefaultStall.
	Stall time.Duration
	// Silence is for how long a server may send nothing until its connection is given up. Zero means DefaultSilence.
	Silence time.Duration
	// Log gets a line when a server is lost, found again, or caught with wrong bytes; nil is silent.
	Log *slog.Logger
}

// Failover reads from one of several servers that all have the same bytes: always from the same one, as long as it answers. It is a
// Fetcher and a Device. A read goes on, from server to server and back, until it has succeeded, its context has ended or its budget is
// spent; only wrong bytes from every server end it sooner. It is safe for concurrent use.
type Failover struct {
	size    int64
	options FailoverOptions
	sources []*source
	ctx     context.Context // ends with Close
	cancel  context.CancelCauseFunc
	current atomic.Int32 // index of the source that is asked first
	bytes   atomic.Int64
}

// NewFailover returns a Failover over sources, the first of which is asked first; size is that of what they all have. It
// connects when the first read comes. Close must be called.
func NewFailover(size int64, sources []Source, options FailoverOptions) (*Failover, error) {
	if len(sources) == 0 {
		return nil, errors.New("block: there is no server to read from")
	}
	if options.Stall == 0 {
		options.Stall = DefaultStall
	}
	if options.Silence == 0 {
		options.Silence = DefaultSilence
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	f := &Failover{size: size, options: options}
	for _, s := range sources {
		f.sources = append(f.sources, newSource(s, size, options))
	}
	f.ctx, f.cancel = context.WithCancelCause(context.Background())
	return f, nil
}

// Size implements Device and Fetcher.
func (f *Failover) Size() int64 { return f.size }

// BytesRead returns how many bytes have come over the network.
func (f *Failover) BytesRead() int64 { return f.bytes.Load() }

// Current returns the name of the source that is asked first.
func (f *Failover) Current() string { return f.sources[f.current.Load()].Name }

// ReadAt implements Device. It takes whatever a server sends.
func (f *Failover) ReadAt(ctx context.Context, p []byte, off int64) error {
	return f.Fetch(ctx, p, off, func([]byte) error { return nil })
}

// Fetch implements Fetcher. A source whose bytes check refused is not asked for them again, unless all others have wrong ones too: then
// each read asks every source once more before it fails.
func (f *Failover) Fetch(ctx context.Context, p []byte, off int64, check func([]byte) error) error {
	if !inside(f.size, p, off) {
		return fmt.Errorf("block: read %d bytes at %d of %d: %w", len(p), off, f.size, io.ErrUnexpectedEOF)
	}
	if len(p) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(f.ctx, func() { cancel(context.Cause(f.ctx)) })()
	if f.options.Budget > 0 {
		defer time.AfterFunc(f.options.Budget, func() { cancel(errBudget) }).Stop()
	}
	r := newRace(f, p, off, check)
	if err := r.run(ctx, func() { cancel(nil) }); err != nil {
		return fmt.Errorf("block: read %d bytes at %d: %w", len(p), off, err)
	}
	return nil
}

// choose returns a source to ask for the bytes at off: the current one if possible, else the next. If there is none at the
// moment it returns nil and how long to wait; a negative time means that there will be none. busy says until when a source
// is not to be asked in any case.
func (f *Failover) choose(off int64, busy map[*source]pacing) (*source, time.Duration) {
	now, soonest := time.Now(), time.Duration(-1)
	first := int(f.current.Load())
	for i := range f.sources {
		s := f.sources[(first+i)%len(f.sources)]
		if busy[s].asked || s.isBanned(off) {
			continue
		}
		wait := max(s.wait(now), busy[s].wait(now))
		if wait <= 0 {
			return s, 0
		}
		if soonest < 0 || wait < soonest {
			soonest = wait
		}
	}
	return nil, soonest
}

// pardon lets all sources be asked for the bytes at off again.
func (f *Failover) pardon(off int64) {
	for _, s := range f.sources {
		s.pardon(off)
	}
}

// won makes s the current source, unless the current one was passed over for this chunk only.
func (f *Failover) won(s *source, off int64) {
	old := f.current.Load()
	if f.sources[old] == s || f.sources[old].isBanned(off) {
		return
	}
	for i, other := range f.sources {
		if other == s && f.current.CompareAndSwap(old, int32(i)) {
			f.options.Log.Info("reading from another server now", "server", s.Name, "before", f.sources[old].Name)
		}
	}
}

// Close closes all connections and ends all reads under way with ErrClosed. It always returns nil.
func (f *Failover) Close() error {
	f.cancel(ErrClosed)
	for _, s := range f.sources {
		s.close()
	}
	return nil
}
