package graph

import "context"

// Walker says how a graph is walked.
type Walker struct {
	// Run does one vertex. It is called from many goroutines at once, once for each vertex.
	Run func(ctx context.Context, v int) error
	// Parallelism is how many vertices run at the same time, those aside for which Waits is true. 0 or less: 1.
	Parallelism int
	// Waits says that a vertex spends its time waiting and takes no place within Parallelism. nil: none does.
	Waits func(v int) bool
	// Stop, when it is closed, lets nothing new start; what runs is waited for. nil: never. The end of the context does the same,
	// and Run sees it too.
	Stop <-chan struct{}
}

// Status is how a vertex ended.
type Status int

// The ends of a vertex.
const (
	NotStarted Status = iota // the walk was stopped before it
	Done
	Failed  // Run returned an error
	Blocked // a vertex before it failed, so it was not started
)

// Outcome is the end of one vertex.
type Outcome struct {
	Status Status
	Err    error // of Run, when Status is Failed
	Cause  int   // the failed vertex, when Status is Blocked
}

// Walk runs each vertex after all those before it are done. What comes after a failure is Blocked; everything else goes on. It
// returns when nothing runs any more, with one Outcome for each vertex, or at once with a *CycleError.
func (g *Graph) Walk(ctx context.Context, how Walker) ([]Outcome, error) {
	if _, err := g.Order(); err != nil {
		return nil, err
	}
	w := newWalk(g, how)
	stop, done := how.Stop, ctx.Done()
	for {
		w.startReady(ctx)
		if w.running == 0 {
			return w.outcomes, nil
		}
		select {
		case r := <-w.results:
			w.finish(r)
			continue
		case <-stop:
			stop = nil
		case <-done:
			done = nil
		}
		w.stopped = true
	}
}

// walk is a walk under way. One goroutine owns it; the vertices' goroutines only send to results.
type walk struct {
	Walker
	waiting  []int   // how many vertices each one still waits for
	after    [][]int // who waits for it
	outcomes []Outcome
	ready    queue // can start when there is a place
	patient  queue // can start at once: they only wait
	places   int
	running  int
	stopped  bool
	results  chan result
}

type result struct {
	vertex int
	err    error
}

func newWalk(g *Graph, how Walker) *walk {
	w := &walk{Walker: how, outcomes: make([]Outcome, g.Len()), places: max(how.Parallelism, 1), results: make(chan result)}
	w.waiting, w.after = g.count()
	for v, n := range w.waiting {
		if n == 0 {
			w.enqueue(v)
		}
	}
	return w
}

func (w *walk) waits(v int) bool { return w.Waits != nil && w.Waits(v) }

func (w *walk) enqueue(v int) {
	if w.waits(v) {
		w.patient.push(v)
	} else {
		w.ready.push(v)
	}
}

func (w *walk) startReady(ctx context.Context) {
	w.stopped = w.stopped || ctx.Err() != nil || isClosed(w.Stop)
	for !w.stopped && w.patient.Len() > 0 {
		w.start(ctx, w.patient.pop())
	}
	for !w.stopped && w.ready.Len() > 0 && w.places > 0 {
		w.places--
		w.start(ctx, w.ready.pop())
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (w *walk) start(ctx context.Context, v int) {
	w.running++
	go func() { w.results <- result{v, w.Run(ctx, v)} }()
}

func (w *walk) finish(r result) {
	w.running--
	if !w.waits(r.vertex) {
		w.places++
	}
	if r.err != nil {
		w.outcomes[r.vertex] = Outcome{Status: Failed, Err: r.err}
		w.block(r.vertex, r.vertex)
		return
	}
	w.outcomes[r.vertex].Status = Done
	for _, next := range w.after[r.vertex] {
		if w.waiting[next]--; w.waiting[next] == 0 {
			w.enqueue(next)
		}
	}
}

// block marks everything after v as blocked by cause.
func (w *walk) block(v, cause int) {
	todo := []int{v}
	for len(todo) > 0 {
		v, todo = todo[len(todo)-1], todo[:len(todo)-1]
		for _, next := range w.after[v] {
			if w.outcomes[next].Status != Blocked {
				w.outcomes[next] = Outcome{Status: Blocked, Cause: cause}
				todo = append(todo, next)
			}
		}
	}
}
