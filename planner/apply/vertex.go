package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

// vertex carries out one vertex of the plan, as far as what it needs is there.
func (r *run) vertex(ctx context.Context, n int) {
	v := r.Plan.Vertices[n]
	cause := r.overdrawn(v)
	switch {
	case r.writable() != nil: // nothing new is begun
	case cause != nil:
		for _, m := range v.Members {
			r.blocked(m, End{Status: Blocked, Cause: cause})
		}
	case len(v.Members) == 0:
		if r.append(r.forget(v.Forgets)...) == nil {
			r.mu.Lock()
			r.emptied[n] = true
			r.mu.Unlock()
		}
	case v.Machine != "":
		r.session(ctx, n)
	default:
		r.single(ctx, v)
	}
}

// single carries out a vertex with one instance that is on no session.
func (r *run) single(ctx context.Context, v plan.Vertex) {
	m := v.Members[0]
	if e, ok := r.obstacle(m, nil); !ok {
		r.blocked(m, e)
		return
	}
	c := r.Plan.Changes[m.Change]
	r.observe(Event{Kind: Started, Change: c, Action: m.Action})
	var err error
	if m.Action == resource.Delete {
		err = r.destroy(ctx, c, v)
	} else {
		err = r.bringAbout(ctx, c, m.Action, v)
	}
	r.ended(v, m, err)
}

// blocked notes that a part was not begun. Nobody is told before the end: its cause was.
func (r *run) blocked(m plan.Member, e End) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends[part{m.Change, m.Action}] = e
}

// ended notes the end of a part and tells of it.
func (r *run) ended(v plan.Vertex, m plan.Member, err error) {
	c := r.Plan.Changes[m.Change]
	if errors.Is(err, errUnbegun) {
		r.observe(Event{Kind: Ended, Change: c, Action: m.Action, Err: resource.ErrSkipped})
		return
	}
	e, news := End{Status: Done}, Event{Kind: Ended, Change: c, Action: m.Action}
	if _, done := err.(*unrecordedError); done {
		e, news.Unrecorded = End{Status: Unrecorded, Err: err}, true
	} else if err != nil {
		news.Err = r.veiled(c, err)
		e = End{Status: Failed, Err: news.Err}
	}
	r.mu.Lock()
	if e.Status == Failed {
		r.failedOn(v, c)
	}
	r.ends[part{m.Change, m.Action}] = e
	r.mu.Unlock()
	r.observe(news)
}

func (r *run) observe(e Event) {
	if r.Observe != nil {
		r.news.Lock()
		defer r.news.Unlock()
		r.Observe(e)
	}
}

func (r *run) reporter(c *plan.Change, action resource.Action) func(resource.Progress) {
	return func(p resource.Progress) {
		p.Detail = r.veil(c).Replace(p.Detail)
		r.observe(Event{Kind: Progressed, Change: c, Action: action, Progress: p})
	}
}

func (r *run) destroy(ctx context.Context, c *plan.Change, v plan.Vertex) error {
	at := c.Addr.String()
	err := r.Types[c.Type].Destroy(ctx, resource.DestroyRequest{
		Addr: at, Prior: plan.PriorValue(r.Store.Instance, at), Report: r.reporter(c, resource.Delete), Force: r.Force || !r.Plan.Stays(c.Type),
	})
	if err != nil {
		return err
	}
	return r.append(append(r.forget(v.Forgets), state.Change{Forget: at})...)
}

func (r *run) forget(indexes []int) []state.Change {
	var changes []state.Change
	for _, i := range indexes {
		changes = append(changes, state.Change{Forget: r.Plan.Changes[i].Addr.String()})
	}
	return changes
}

// bringAbout creates or updates one instance that is on no session.
func (r *run) bringAbout(ctx context.Context, c *plan.Change, action resource.Action, v plan.Vertex) error {
	w, err := r.work(c)
	if err != nil {
		return err
	}
	steps, baked, err := r.bakedSteps(v.Baked)
	if err != nil {
		return err
	}
	prior := plan.PriorValue(r.Store.Instance, w.addr)
	if err := r.begin(w); err != nil {
		return err
	}
	computed, err := r.Types[c.Type].Apply(ctx, resource.ApplyRequest{
		Addr: w.addr, Group: c.Addr.Group(), Config: w.config, Prior: prior, Steps: steps, Report: r.reporter(c, action),
	})
	err = r.finish(w, computed, err)
	if _, done := err.(*unrecordedError); err != nil && !done {
		return err
	}
	for _, b := range baked {
		err = cmp.Or(err, r.finish(b, nil, nil))
	}
	return cmp.Or(err, r.append(r.forget(v.Forgets)...))
}

// bakedSteps evaluates the steps that go into an image. What they compute is null: nobody runs in an image to tell.
func (r *run) bakedSteps(indexes []int) (steps []resource.BakedStep, all []*work, err error) {
	for _, i := range indexes {
		c := r.Plan.Changes[i]
		w, err := r.workWithout(c, "on")
		if err != nil {
			return nil, nil, fmt.Errorf("%s, which goes into it: %w", c.Addr, err)
		}
		r.foresee(w)
		steps = append(steps, resource.BakedStep{Addr: w.addr, Type: stepType(c.Type), Config: w.config, Requires: c.Requires()})
		all = append(all, w)
	}
	return steps, all, nil
}

// work is one instance about to be brought about.
type work struct {
	change  *plan.Change
	addr    string
	value   cty.Value // the evaluated arguments, with their marks
	config  cty.Value // the same without marks; all known
	depends []int
	fresh   bool // nothing was remembered of it
}

func (r *run) work(c *plan.Change) (*work, error) { return r.workWithout(c, "") }

// workWithout evaluates the arguments of an instance, all of which must be known by now but for one that is left out of its config.
func (r *run) workWithout(c *plan.Change, left string) (*work, error) {
	obj, diags := r.Config.Evaluate(c.Number)
	if diags.HasErrors() {
		return nil, diagnostics(diags)
	}
	w := &work{change: c, addr: c.Addr.String(), value: obj.Value}
	for n := range obj.Depends.All() {
		w.depends = append(w.depends, n)
	}
	config, _ := obj.Value.UnmarkDeep()
	attrs := config.AsValueMap()
	delete(attrs, left)
	for name, v := range attrs {
		if !v.IsWhollyKnown() {
			return nil, fmt.Errorf("argument %s is not known: what it follows from has not been brought about or does not say it", name)
		}
	}
	w.config = cty.ObjectVal(attrs)
	w.fresh = r.Store.Instance(w.addr) == nil
	return w, nil
}

// foresee shows the arguments of an instance that were not known when it was planned, before it is brought about: those of what is done together
// with it may follow from them.
func (r *run) foresee(w *work) {
	if w.change.Late() {
		r.show(w, w.change.Computed())
	}
}

// show lets others see an instance as it is with these computed attributes.
func (r *run) show(w *work, computed map[string]cty.Value) {
	c := w.change
	r.Config.Set(c.Number, plan.Identity(plan.Value(r.Types[c.Type].Schema(), w.value, computed), c.Type, c.Addr))
}

// diagnostics is hcl.Diagnostics as an error which names no more than a person wants to read in one line.
func diagnostics(diags hcl.Diagnostics) error {
	var all []error
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			all = append(all, &DiagnosticError{d})
		}
	}
	return errors.Join(all...)
}

// DiagnosticError is an error at a place in the configuration.
type DiagnosticError struct{ *hcl.Diagnostic }

func (e *DiagnosticError) Error() string {
	if e.Subject == nil {
		return e.Summary + ": " + e.Detail
	}
	return fmt.Sprintf("%s:%d: %s: %s", e.Subject.Filename, e.Subject.Start.Line, e.Summary, e.Detail)
}
