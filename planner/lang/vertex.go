package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// stamp says until when something computed is good: for ever if it was made of nothing that is still unknown, else until the next
// Set.
type stamp struct {
	set, stable       bool
	generation, epoch int
}

func (e *Evaluator) stamp(stable bool) stamp {
	return stamp{set: true, stable: stable, generation: e.generation, epoch: e.epoch}
}

func (e *Evaluator) valid(s stamp) bool {
	return s.set && s.epoch == e.epoch && (s.stable || s.generation == e.generation)
}

// result is what came of computing a value.
type result struct {
	value  cty.Value
	stable bool // nothing unknown went into it
	ok     bool // false: what is wrong was reported
}

func failed() result { return result{value: cty.DynamicVal} }

// vertex is a value that others refer to. It is computed when it is first asked for.
type vertex struct {
	label   string
	rng     hcl.Range
	compute func() result
	last    result
	stamp   stamp
	running bool
}

// demand returns the value of v. Coming back to a vertex that is being computed is a cycle, and is reported as such.
func (e *Evaluator) demand(v *vertex) result {
	if e.valid(v.stamp) && (v.last.ok || e.walking) {
		return v.last
	}
	if v.running {
		e.reportCycle(v)
		return failed()
	}
	v.running = true
	e.path = append(e.path, v)
	r := v.compute()
	e.path = e.path[:len(e.path)-1]
	v.running = false
	if r.ok && !r.stable {
		r.stable = r.value.IsWhollyKnown()
	}
	r.value = compact(r.value)
	v.last, v.stamp = r, e.stamp(r.stable)
	return r
}

func (e *Evaluator) reportCycle(v *vertex) {
	from := slices.Index(e.path, v)
	var labels []string
	for _, p := range append(e.path[from:len(e.path):len(e.path)], v) {
		if n := len(labels); n == 0 || labels[n-1] != p.label {
			labels = append(labels, p.label)
		}
	}
	if len(labels) == 1 {
		labels = append(labels, v.label)
	}
	e.report(errorf(&v.rng, "Cycle of references", "Each of these needs the next one: %s. Break the circle at one of them.", strings.Join(labels, " -> ")))
}
