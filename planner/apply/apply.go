// Package apply carries a plan out: it walks the plan's vertices, evaluates arguments again once what they follow from is known, has the
// resource types do the work, and writes to the state what was done as soon as it is done. It decides nothing that stands in the plan.
package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/graph"
	"viver/planner/lang"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

// Evaluator evaluates arguments with what is known by now; *lang.Evaluator is one. It is safe for concurrent use.
type Evaluator interface {
	Set(number int, v cty.Value)
	Evaluate(number int) (lang.Object, hcl.Diagnostics)
	// Verify says which postconditions of an instance that was Set do not hold.
	Verify(number int) hcl.Diagnostics
	Outputs() (map[string]lang.Output, hcl.Diagnostics)
}

// Options say what to carry out.
type Options struct {
	Plan   *plan.Plan
	Store  Store
	Config Evaluator // the one that the plan was made with; nil for a plan to destroy
	Types  map[string]resource.Type
	// Parallelism is how many vertices are worked on at once, those aside that only wait. 0: DefaultParallelism.
	Parallelism int
	// Force destroys also what others lose by; see resource.DestroyRequest.
	Force bool
	// Stop, when closed, lets nothing new start. nil: never.
	Stop <-chan struct{}
	// Secrets are texts that nothing that is told may hold, nor the Result; see lang.Evaluator.Secrets. The sensitive arguments of each
	// change are kept back in any case.
	Secrets []string
	// Observe is told how it goes, from one goroutine at a time; nil: nobody is.
	Observe func(Event)
}

// DefaultParallelism is for machines at work at once; those that boot wait beside it.
const DefaultParallelism = 32

// ErrStale says that the state has changed since the plan was made.
var ErrStale = errors.New("apply: the plan is stale, the state has changed since it was made: plan again")

// EventKind is what an Event tells.
type EventKind int

// The kinds of an Event. Each change that is started also ends.
const (
	Started EventKind = iota
	Progressed
	Ended
)

// Event is one piece of news about one change.
type Event struct {
	Kind     EventKind
	Change   *plan.Change
	Action   resource.Action // of this part of the change: a replacement is a Delete and a Create
	Progress resource.Progress
	Err      error // Ended: why it failed; nil: it is done
	// Unrecorded says of Ended that it is done, but could not be written to the state.
	Unrecorded bool
}

// Result is how a plan was carried out.
type Result struct {
	Ends     []End // of all changes but NoOp, in the order of the plan
	Stopped  bool  // it was stopped from outside
	Took     time.Duration
	Outputs  map[string]lang.Output // of the root module, if all succeeded
	Problems hcl.Diagnostics        // of evaluating the outputs
	// Unrecorded are the changes of the state that could not be written, in order: what was done all the same. Of what they are about, the state
	// says that it was begun, or how it was before.
	Unrecorded []state.Change
}

// Failed reports whether anything of the plan was not brought about.
func (r *Result) Failed() bool {
	for _, e := range r.Ends {
		if e.Status != Done {
			return true
		}
	}
	return r.Problems.HasErrors()
}

// Run carries the plan out. What fails is in the Result; the error is for what makes a Result impossible: a stale plan (ErrStale), or a
// state that cannot be written, which is returned beside the Result.
func Run(ctx context.Context, o Options) (*Result, error) {
	now := o.Store.State()
	if now.Lineage != o.Plan.Lineage || now.Serial != o.Plan.Serial {
		return nil, ErrStale
	}
	r := newRun(o)
	if err := r.move(); err != nil {
		return nil, err
	}
	if err := r.keepRemembered(); err != nil {
		return nil, err
	}
	start := time.Now()
	err := r.graph().Walk(ctx, graph.Walker{
		Run: r.vertex, Parallelism: cmp.Or(max(o.Parallelism, 0), DefaultParallelism), Waits: r.waits, Limit: r.limit, Stop: o.Stop,
	})
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	result := r.result()
	result.Took = time.Since(start)
	r.outputs(result)
	result.Unrecorded = r.unrecorded
	return result, r.broken
}

// run is a plan being carried out.
type run struct {
	Options
	places map[string]*plan.Change   // changes by address; not changed
	steps  map[string][]*plan.Change // changes by machine; not changed

	news sync.Mutex // held while Observe runs

	mu      sync.Mutex
	memory  *plan.Memory              // guarded by mu
	ends    map[part]End              // of the parts that ended; guarded by mu
	emptied map[int]bool              // vertices without members that are done; guarded by mu
	good    map[*plan.Change]bool     // steps that were brought about in a session; guarded by mu
	failed  map[string][]*plan.Change // by the group of their machines, one for each machine; guarded by mu
	broken  error                     // why the state cannot be written; guarded by mu
	// unrecorded is what was done since then; guarded by mu
	unrecorded []state.Change
}

// part is one half of a replacement, or a whole change.
type part struct {
	change int
	action resource.Action
}

func newRun(o Options) *run {
	r := &run{
		Options: o, places: map[string]*plan.Change{}, steps: map[string][]*plan.Change{}, memory: plan.NewMemory(o.Store.State(), o.Types),
		ends: map[part]End{}, emptied: map[int]bool{}, good: map[*plan.Change]bool{}, failed: map[string][]*plan.Change{},
	}
	for _, c := range o.Plan.Changes {
		r.places[c.Addr.String()] = c
		if c.Machine != "" {
			r.steps[c.Machine] = append(r.steps[c.Machine], c)
		}
	}
	return r
}

func (r *run) graph() *graph.Graph {
	g := &graph.Graph{}
	for n, v := range r.Plan.Vertices {
		g.Add()
		for _, before := range v.After {
			g.Edge(before, n)
		}
	}
	return g
}

// waits says which vertices take no place: a single instance that waits for something outside.
func (r *run) waits(n int) bool {
	v := r.Plan.Vertices[n]
	return v.Machine == "" && len(v.Members) > 0 && r.Types[r.Plan.Changes[v.Members[0].Change].Type].Schema().Waits
}
