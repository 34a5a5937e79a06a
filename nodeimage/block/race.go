package block

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// race is one read of a Failover: a single try most of the time, several at once when a server stalls. Its state belongs to the
// goroutine in run; the tries only send their results.
type race struct {
	f       *Failover
	p       []byte
	off     int64
	check   func([]byte) error
	running map[*source]*try
	busy    map[*source]pacing // of each source, for this read only
	results chan *try
	last    error // of the last try that failed
	pardon  bool  // sources with wrong bytes got their second chance
}

// try is one source being asked.
type try struct {
	source *source
	p      []byte
	apart  bool // p is a buffer of its own, because another try fills that of the race
	err    error
	sign   sign      // when last looked at
	since  time.Time // when sign last changed
}

func newRace(f *Failover, p []byte, off int64, check func([]byte) error) *race {
	return &race{
		f: f, p: p, off: off, check: check,
		running: make(map[*source]*try, 1), busy: make(map[*source]pacing, 1), results: make(chan *try, len(f.sources)),
	}
}

// run ends when a try has won or none can any more. It calls stop, which ends ctx, before it waits for the losers.
func (r *race) run(ctx context.Context, stop func()) error {
	winner, err := r.watch(ctx)
	stop()
	for range r.running {
		<-r.results
	}
	if err != nil {
		return err
	}
	if winner.apart {
		copy(r.p, winner.p)
	}
	return nil
}

// watch starts tries, one after the other or, when all that run are stalled, one more.
func (r *race) watch(ctx context.Context) (*try, error) {
	tick := time.NewTicker(r.f.options.Stall)
	defer tick.Stop()
	for {
		wake, err := r.begin(ctx)
		if err != nil {
			return nil, err
		}
		select {
		case t := <-r.results:
			delete(r.running, t.source)
			if t.err == nil {
				r.f.won(t.source, r.off)
				return t, nil
			}
			if over(ctx) { // it is not the server's fault
				return nil, r.explain(cmp.Or(context.Cause(ctx), context.DeadlineExceeded))
			}
			r.failed(t)
		case <-tick.C:
			r.look()
		case <-wake:
		case <-ctx.Done():
			return nil, r.explain(context.Cause(ctx))
		}
	}
}

// over reports whether ctx has ended, or should have: what waits for its deadline may notice that a moment before.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// begin asks another source if that makes sense. If all are resting it returns when one can be asked.
func (r *race) begin(ctx context.Context) (wake <-chan time.Time, err error) {
	for _, t := range r.running {
		if time.Since(t.since) < r.f.options.Stall {
			return nil, nil
		}
	}
	s, wait := r.f.choose(r.off, r.busy)
	switch {
	case s != nil:
		r.start(ctx, s)
		return nil, nil
	case len(r.running) > 0:
		return nil, nil
	case wait < 0 && r.pardon:
		return nil, r.explain(ErrCorrupt)
	case wait < 0: // a bit may have flipped on the way
		r.pardon = true
		r.f.pardon(r.off)
		return r.begin(ctx)
	}
	return time.After(wait), nil
}

func (r *race) start(ctx context.Context, s *source) {
	t := &try{source: s, p: r.p, sign: s.sign(), since: time.Now()}
	if len(r.running) > 0 {
		t.p, t.apart = make([]byte, len(r.p)), true
	}
	r.running[s] = t
	pace := r.busy[s]
	pace.asked = true
	r.busy[s] = pace
	go func() { // run waits for its result
		t.err = r.ask(ctx, t)
		r.results <- t
	}()
}

// ask does one try.
func (r *race) ask(ctx context.Context, t *try) error {
	conn, err := t.source.connect(ctx)
	if err != nil {
		return err
	}
	err = conn.ReadAt(ctx, t.p, r.off)
	if err != nil {
		if lost := conn.Err(); lost != nil {
			t.source.lost(conn, lost)
		} else if ctx.Err() == nil {
			t.source.log.Warn("block server cannot read", "offset", r.off, "error", err)
		}
		return fmt.Errorf("%s: %w", t.source.Name, err)
	}
	r.f.bytes.Add(int64(len(t.p)))
	t.source.good()
	if err := r.check(t.p); err != nil {
		t.source.ban(r.off, err)
		return fmt.Errorf("%s: %w", t.source.Name, err)
	}
	return nil
}

// failed paces the source of a try that has failed.
func (r *race) failed(t *try) {
	r.last = t.err
	pace := r.busy[t.source]
	pace.asked = false
	pace.failed(time.Now())
	r.busy[t.source] = pace
}

// look notes who has shown a sign of life, and gives up connections on which there was none for long.
func (r *race) look() {
	for s, t := range r.running {
		if now := s.sign(); now != t.sign {
			t.sign, t.since = now, time.Now()
		} else if silent := time.Since(t.since); now.conn != nil && silent >= r.f.options.Silence {
			s.lost(now.conn, fmt.Errorf("nothing has come for %s", silent.Round(time.Millisecond)))
		}
	}
}

// explain adds to the reason why a read ends what the last server said.
func (r *race) explain(why error) error {
	if r.last == nil {
		return why
	}
	return fmt.Errorf("%w (last answer: %w)", why, r.last)
}
