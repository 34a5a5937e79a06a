// Package batch serves those who wait at the same time together: one fsync, or one journey over the network, for all of them.
package batch

import "sync"

// Queue is where to wait. It is safe for concurrent use.
type Queue[T any] struct {
	turn chan struct{} // has a token while somebody serves

	mu      sync.Mutex
	waiting []*item[T] // guarded by mu
}

type item[T any] struct {
	value  T
	served bool // guarded by turn
	err    error
}

// New returns an empty queue.
func New[T any]() *Queue[T] { return &Queue[T]{turn: make(chan struct{}, 1)} }

// Do has value served and returns the error of that. Serve gets all values that wait, in order, and returns an error or nil for each; it
// is never called twice at once.
func (q *Queue[T]) Do(value T, serve func([]T) []error) error {
	i := &item[T]{value: value}
	q.mu.Lock()
	q.waiting = append(q.waiting, i)
	q.mu.Unlock()
	q.turn <- struct{}{}
	defer func() { <-q.turn }()
	if !i.served {
		q.serve(serve)
	}
	return i.err
}

func (q *Queue[T]) serve(serve func([]T) []error) {
	q.mu.Lock()
	items := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	values := make([]T, len(items))
	for n, i := range items {
		values[n] = i.value
	}
	for n, err := range serve(values) {
		items[n].err, items[n].served = err, true
	}
}

// Alone runs f while nothing is served.
func (q *Queue[T]) Alone(f func() error) error {
	q.turn <- struct{}{}
	defer func() { <-q.turn }()
	return f()
}
