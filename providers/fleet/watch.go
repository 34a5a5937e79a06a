package fleet

import (
	"context"
	"fmt"
	"sync"
	"time"

	"viver/nodeimage/spec"
	"viver/providers/agents"
)

// again is the pause before a server that was lost is asked again.
const again = time.Second

// Watch calls emit with each machine that the servers know, then whenever one of them says something new of one, until ctx ends. A
// server that is lost is asked again until it answers; trouble says why, once for each time that it is lost. Neither is called by two
// goroutines at once.
func (f *Fleet) Watch(ctx context.Context, servers []agents.Server, emit func(spec.Machine), trouble func(error)) {
	var turn sync.Mutex
	var watching sync.WaitGroup
	for _, s := range servers {
		watching.Go(func() {
			f.watch(ctx, s, func(m spec.Machine) {
				turn.Lock()
				defer turn.Unlock()
				emit(m)
			}, func(err error) {
				turn.Lock()
				defer turn.Unlock()
				trouble(fmt.Errorf("server %s: %w", s.Name, err))
			})
		})
	}
	watching.Wait()
}

// watch follows one server.
func (f *Fleet) watch(ctx context.Context, s agents.Server, emit func(spec.Machine), trouble func(error)) {
	lost := false
	for {
		err := f.Agents.Watch(ctx, s, func(m spec.Machine) { lost = false; emit(m) })
		if ctx.Err() != nil {
			return
		}
		if !lost {
			trouble(err)
		}
		lost = true
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}
