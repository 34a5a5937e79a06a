package apply

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/graph"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

// result says of each change how it ended. Of a change with two parts the worse end counts.
func (r *run) result(outcomes []graph.Outcome) *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	ends := map[int]End{}
	note := func(i int, e End) {
		if before, ok := ends[i]; !ok || severity(e.Status) > severity(before.Status) {
			ends[i] = e
		}
	}
	result := &Result{}
	for n, o := range outcomes {
		v := r.Plan.Vertices[n]
		result.Stopped = result.Stopped || o.Status == graph.NotStarted || errors.Is(o.Err, context.Canceled)
		for _, m := range v.Members {
			note(m.Change, r.memberEnd(m, v, o))
		}
		for _, i := range slices.Concat(v.Baked, v.Forgets) {
			e := r.vertexEnd(o)
			if first := r.firstFailed(v); e.Status == graph.Failed && first != nil {
				e = End{Status: graph.Blocked, Cause: first}
			}
			note(i, e)
		}
	}
	for i, c := range r.Plan.Changes {
		if c.Action == resource.NoOp {
			continue
		}
		e := ends[i]
		e.Change = c
		result.Ends = append(result.Ends, e)
	}
	return result
}

func severity(s graph.Status) int {
	return map[graph.Status]int{graph.Done: 0, graph.NotStarted: 1, graph.Blocked: 2, graph.Failed: 3}[s]
}

// memberEnd is the end of one member; in a session some can succeed while others fail.
func (r *run) memberEnd(m plan.Member, v plan.Vertex, o graph.Outcome) End {
	err, known := r.ends[part{m.Change, m.Action}]
	switch {
	case o.Status != graph.Failed:
		return r.vertexEnd(o)
	case known && err == nil:
		return End{Status: graph.Done}
	case known && !errors.Is(err, resource.ErrSkipped):
		return End{Status: graph.Failed, Err: err}
	case r.firstFailed(v) != nil:
		return End{Status: graph.Blocked, Cause: r.firstFailed(v)}
	}
	return End{Status: graph.Failed, Err: o.Err}
}

// vertexEnd is the end of what has none of its own.
func (r *run) vertexEnd(o graph.Outcome) End {
	switch o.Status {
	case graph.Failed:
		return End{Status: graph.Failed, Err: o.Err}
	case graph.Blocked:
		return End{Status: graph.Blocked, Cause: r.firstFailed(r.Plan.Vertices[o.Cause])}
	}
	return End{Status: o.Status}
}

// firstFailed is the member of a vertex that failed by itself, or nil.
func (r *run) firstFailed(v plan.Vertex) *plan.Change {
	for _, m := range v.Members {
		if err := r.ends[part{m.Change, m.Action}]; err != nil && !errors.Is(err, resource.ErrSkipped) {
			return r.Plan.Changes[m.Change]
		}
	}
	return nil
}

// outputs evaluates the outputs and remembers them, when everything is there that they follow from.
func (r *run) outputs(result *Result) {
	if result.Failed() || r.writable() != nil {
		return
	}
	kept := map[string]state.Output{}
	if !r.Plan.Destroy {
		result.Outputs, result.Problems = r.Config.Outputs()
	}
	for name, o := range result.Outputs {
		secret := o.Sensitive || o.Value.ContainsMarked()
		v, _ := o.Value.UnmarkDeep()
		if secret {
			v = cty.NullVal(cty.DynamicPseudoType)
		}
		if before, ok := r.Store.State().Outputs[name]; len(r.Plan.Targets) > 0 && !v.IsWhollyKnown() {
			if ok {
				kept[name] = before
			}
			continue
		}
		if !v.IsWhollyKnown() {
			result.Problems = append(result.Problems, &hcl.Diagnostic{
				Severity: hcl.DiagWarning, Summary: "Output is not known", Subject: o.Range.Ptr(),
				Detail: "Output " + name + " follows from something whose value is not known.",
			})
			continue
		}
		kept[name] = state.Output{Value: v, Sensitive: secret, Description: o.Description}
	}
	if result.Problems.HasErrors() || sameOutputs(kept, r.Store.State().Outputs) {
		return
	}
	r.append(state.Change{Outputs: kept}) // its failure is in r.broken
}

func sameOutputs(a, b map[string]state.Output) bool {
	if len(a) != len(b) {
		return false
	}
	for name, x := range a {
		y, ok := b[name]
		if !ok || x.Sensitive != y.Sensitive || x.Description != y.Description || !x.Value.RawEquals(y.Value) {
			return false
		}
	}
	return true
}
