package graph

import "context"

// Walker says how a graph is walked.
type Walker struct {
	// Run does one vertex. It is called from many goroutines at once, once for each vertex. How it ended is the caller's affair: those
	// after it run in any case, and find out for themselves whether what they need is there.
	Run func(ctx context.Context, v int)
	// Parallelism is how many vertices run at the same time, those aside for which Waits is true. 0 or less: 1.
	Parallelism int
	// Waits says that a vertex spends its time waiting and takes no place within Parallelism. nil: none does.
	Waits func(v int) bool
	// Limit says of which group a vertex is, and how many of that group may run at the same time; "" or 0: it is not limited so. nil: none is.
	Limit func(v int) (group string, most int)
	// Stop, when it is closed, lets nothing new start; what runs is waited for. nil: never. The end of the context does the same,
	// and Run sees it too.
	Stop <-chan struct{}
}

// Walk runs each vertex after all those before it have run. It returns when nothing runs any more, or at once with a *CycleError.
func (g *Graph) Walk(ctx context.Context, how Walker) error {
	if _, err := g.Order(); err != nil {
		return err
	}
	w := newWalk(g, how)
	stop, done := how.Stop, ctx.Done()
	for {
		w.startReady(ctx)
		if w.running == 0 {
			return nil
		}
		select {
		case v := <-w.ended:
			w.finish(v)
			continue
		case <-stop:
			stop = nil
		case <-done:
			done = nil
		}
		w.stopped = true
	}
}

// walk is a walk under way. One goroutine owns it; the vertices' goroutines only send to ended.
type walk struct {
	Walker
	waiting []int   // how many vertices each one still waits for
	after   [][]int // who waits for it
	ready   queue   // can start when there is a place
	patient queue   // can start at once: they only wait
	held    map[string]*queue
	busy    map[string]int // how many of a group run
	places  int
	running int
	stopped bool
	ended   chan int
}

func newWalk(g *Graph, how Walker) *walk {
	w := &walk{Walker: how, places: max(how.Parallelism, 1), ended: make(chan int), held: map[string]*queue{}, busy: map[string]int{}}
	w.waiting, w.after = g.count()
	for v, n := range w.waiting {
		if n == 0 {
			w.enqueue(v)
		}
	}
	return w
}

func (w *walk) waits(v int) bool { return w.Waits != nil && w.Waits(v) }

func (w *walk) limit(v int) (group string, most int) {
	if w.Limit == nil {
		return "", 0
	}
	if group, most = w.Limit(v); most <= 0 {
		return "", 0
	}
	return group, most
}

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
		w.start(ctx, w.ready.pop())
	}
}

// start runs a vertex, or holds it back until another one of its group has ended.
func (w *walk) start(ctx context.Context, v int) {
	group, most := w.limit(v)
	if group != "" && w.busy[group] >= most {
		if w.held[group] == nil {
			w.held[group] = &queue{}
		}
		w.held[group].push(v)
		return
	}
	if group != "" {
		w.busy[group]++
	}
	if !w.waits(v) {
		w.places--
	}
	w.running++
	go func() {
		w.Run(ctx, v)
		w.ended <- v
	}()
}

func (w *walk) finish(v int) {
	w.running--
	if !w.waits(v) {
		w.places++
	}
	if group, _ := w.limit(v); group != "" {
		w.busy[group]--
		if held := w.held[group]; held != nil && held.Len() > 0 {
			w.enqueue(held.pop())
		}
	}
	for _, next := range w.after[v] {
		if w.waiting[next]--; w.waiting[next] == 0 {
			w.enqueue(next)
		}
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
