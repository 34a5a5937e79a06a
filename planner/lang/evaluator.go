package lang

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Visit is called by Walk for one instance. It returns the object with the computed attributes added, unknown where they are not
// known yet; "kind", "addr" and "key" are added by Walk. An attribute that is missing counts as unknown.
type Visit func(*Instance, Object) (cty.Value, hcl.Diagnostics)

// Evaluator evaluates one configuration with one set of variables: Walk first, once, then the other methods, which are safe for
// concurrent use.
type Evaluator struct {
	config *Config
	inputs map[string]cty.Value // variables of the root module, converted to their types
	files  *fileCache
	// warnings are what NewEvaluator found out of the ordinary: Walk reports it.
	warnings hcl.Diagnostics
	// planTime is what plantimestamp( ) says.
	planTime time.Time

	mu        sync.Mutex // guards all below, and all state of vertices, blocks and modules
	root      *moduleInstance
	functions map[string]map[string]function.Function // by folder
	instances []*instance                             // by number
	byAddress map[string]*instance
	// generation counts values that became known; epoch counts known values that changed after all.
	generation, epoch int

	walked, walking bool
	ctx             context.Context // of the Walk
	visit           Visit
	path            []*vertex // those being computed, outermost first
	diags           hcl.Diagnostics
	reported        map[string]bool
}

// Walk evaluates everything, in the order of references, and calls visit once for each instance, one after the other. What visit
// returns is what other blocks see. It goes on after errors as far as it makes sense, so as to find more of them. visit must not call
// methods of the Evaluator.
func (e *Evaluator) Walk(ctx context.Context, visit Visit) hcl.Diagnostics {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.walked {
		return hcl.Diagnostics{errorf(nil, "Evaluated twice", "A configuration is walked once; make a new Evaluator.")}
	}
	e.walked, e.walking, e.ctx, e.visit = true, true, ctx, visit
	defer func() {
		e.walking, e.ctx, e.visit = false, nil, nil
		e.generation++ // what timestamp( ) and the like come to can be known now
	}()
	return append(e.warnings, e.collect(func() { e.demand(&e.root.whole) })...)
}

// planning reports whether no value is to be made up yet that is another one each time.
func (e *Evaluator) planning() bool { return e.walking || !e.walked }

// Set makes v, which is as a Visit returns it, the value of an instance: apply knows it now. Numbers that no instance has are ignored.
func (e *Evaluator) Set(number int, v cty.Value) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if number < 0 || number >= len(e.instances) {
		return
	}
	i := e.instances[number]
	was := i.result
	i.take(v, true)
	switch {
	case !was.stable:
		e.generation++
	case !i.stable || !was.value.RawEquals(i.value):
		e.epoch++
	}
}

// Evaluate evaluates the arguments of an instance again, with the values known so far. Preconditions, and validations of its Pac's variables,
// that were not known when planning are judged, too.
func (e *Evaluator) Evaluate(number int) (Object, hcl.Diagnostics) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if number < 0 || number >= len(e.instances) {
		return Object{}, hcl.Diagnostics{errorf(nil, "No such instance", "There is no instance with the number %d.", number)}
	}
	var o Object
	diags := e.collect(func() {
		i := e.instances[number]
		i.node.in.judgeRulesAbove()
		o, _, _ = i.node.arguments(i)
	})
	return o, diags
}

// Outputs returns the outputs of the root module, with what is known so far.
func (e *Evaluator) Outputs() (map[string]Output, hcl.Diagnostics) {
	e.mu.Lock()
	defer e.mu.Unlock()
	outputs := map[string]Output{}
	diags := e.collect(func() {
		for _, name := range sortedKeys(e.root.outputs) {
			r := e.demand(e.root.outputs[name])
			if !r.ok {
				continue
			}
			o := e.config.root.outputs[name]
			outputs[name] = Output{Value: clean(r.value), Description: o.description, Sensitive: o.sensitive, Range: o.rng}
		}
	})
	return outputs, diags
}

// interrupted reports that the Walk's context has ended.
func (e *Evaluator) interrupted() bool {
	err := e.ctx.Err()
	if err != nil {
		e.report(errorf(nil, "Interrupted", "Planning was stopped before it was done: %s.", err))
	}
	return err != nil
}

// collect runs f and returns what it reported.
func (e *Evaluator) collect(f func()) hcl.Diagnostics {
	e.diags, e.reported = nil, map[string]bool{}
	f()
	return e.diags
}

// report takes diagnostics, each once.
func (e *Evaluator) report(diags ...*hcl.Diagnostic) {
	for _, d := range diags {
		e.reportAs(fmt.Sprint(d.Severity, d.Subject, d.Summary, d.Detail), d)
	}
}

// reportOnce takes diagnostics from an expression: many instances may say the same of it, each with its own value.
func (e *Evaluator) reportOnce(diags ...*hcl.Diagnostic) {
	for _, d := range diags {
		id := fmt.Sprint(d.Severity, d.Subject, d.Summary)
		if !e.reported[id] {
			e.reportAs(id, explain(d))
		}
	}
}

func (e *Evaluator) reportAs(id string, d *hcl.Diagnostic) {
	if !e.reported[id] {
		e.reported[id] = true
		e.diags = append(e.diags, d)
	}
}
