package roster

import (
	"context"

	"viver/nodeimage/spec"
)

// watcher is one call of Watch. A machine that changes often while the watcher is slow is seen once, as it is then.
type watcher struct {
	changed map[string]bool // MACs; guarded by the roster's mutex
	wake    chan struct{}
}

func (w *watcher) note(mac string) {
	w.changed[mac] = true
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Watch calls emit with each machine that is known, then with each that changes, until ctx ends or emit returns an error,
// which Watch returns.
func (r *Roster) Watch(ctx context.Context, emit func(spec.Machine) error) error {
	w := &watcher{changed: map[string]bool{}, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	r.watchers[w] = true
	machines := r.snapshot(nil)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.watchers, w)
		r.mu.Unlock()
	}()
	for {
		for _, m := range machines {
			if err := emit(m); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
		}
		r.mu.Lock()
		machines = r.snapshot(w.changed)
		clear(w.changed)
		r.mu.Unlock()
	}
}
