package supervise

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"viver/nodeimage/spec"
)

const (
	// settleTime bounds how long Put waits for a unit that says nothing.
	settleTime = time.Minute
	// steady is how long a unit must have run for its next failure to count as the first.
	steady = time.Minute
)

// unit is one unit and the goroutine that keeps it running.
type unit struct {
	config *Config
	spec   spec.UnitSpec
	cancel context.CancelFunc // nil: not started
	done   chan struct{}      // closed when the goroutine has ended
	kick   chan struct{}      // ends the pause before a restart

	mu      sync.Mutex // guards the rest
	last    spec.UnitStatus
	changed chan struct{} // closed and replaced at each change of last
}

func newUnit(c *Config, u spec.UnitSpec) *unit {
	return &unit{
		config: c, spec: u, done: make(chan struct{}), kick: make(chan struct{}, 1), changed: make(chan struct{}),
		last: spec.UnitStatus{Name: u.Name, Type: u.Type, State: spec.UnitStarting},
	}
}

// same reports whether u is what the unit runs already.
func (u *unit) same(other spec.UnitSpec) bool {
	return u.spec.Type == other.Type && bytes.Equal(u.spec.Config, other.Config)
}

func (u *unit) start() {
	ctx, cancel := context.WithCancel(context.Background())
	u.cancel = cancel
	go u.run(ctx)
}

// stop ends the unit and waits for it; a unit that was never started just becomes stopped.
func (u *unit) stop() {
	if u.cancel == nil {
		u.set(spec.UnitStopped, "", nil)
		return
	}
	u.cancel()
	<-u.done
}

// run starts the unit again and again until ctx ends.
func (u *unit) run(ctx context.Context) {
	// The kernel's PDEATHSIG is bound to the thread that started the process, so that thread has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(u.done)
	for n := 1; ; n++ {
		began := time.Now()
		err := u.once(ctx)
		if ctx.Err() != nil {
			u.set(spec.UnitStopped, "", nil)
			return
		}
		u.config.Log.Warn("a unit ended by itself", "unit", u.spec.Name, "error", err)
		if time.Since(began) > steady {
			n = 1
		}
		u.set(spec.UnitFailed, err.Error(), nil)
		select {
		case <-ctx.Done():
			u.set(spec.UnitStopped, "", nil)
			return
		case <-u.kick:
		case <-time.After(u.config.Pause(n)):
		}
		u.restarting()
	}
}

// retryNow ends a pause before a restart; it does nothing to a unit that runs.
func (u *unit) retryNow() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last.State != spec.UnitFailed {
		return
	}
	u.last.State = spec.UnitStarting // settled waits for what comes of this start, not of the last one
	select {
	case u.kick <- struct{}{}:
	default:
	}
}

// settled waits until the unit is no longer starting.
func (u *unit) settled(ctx context.Context) (spec.UnitStatus, error) {
	late := time.NewTimer(settleTime)
	defer late.Stop()
	for {
		u.mu.Lock()
		last, changed := u.last, u.changed
		u.mu.Unlock()
		if last.State != spec.UnitStarting {
			return last, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return last, fmt.Errorf("supervise: wait for unit %s: %w", u.spec.Name, ctx.Err())
		case <-late.C:
			return last, fmt.Errorf("supervise: unit %s is still not ready after %v; its log says what it waits for", u.spec.Name, settleTime)
		}
	}
}

func (u *unit) status() spec.UnitStatus {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.last
}

func (u *unit) set(state spec.UnitState, detail string, services []spec.Service) {
	u.update(func(s *spec.UnitStatus) { s.State, s.Detail, s.Services = state, detail, services })
}

func (u *unit) restarting() {
	u.update(func(s *spec.UnitStatus) { s.State, s.Restarts = spec.UnitStarting, s.Restarts+1 })
}

func (u *unit) update(change func(*spec.UnitStatus)) {
	u.mu.Lock()
	change(&u.last)
	close(u.changed)
	u.changed = make(chan struct{})
	u.mu.Unlock()
	u.config.Changed()
}
