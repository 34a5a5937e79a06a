package verify

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/lang"
	"viver/planner/plan"
	"viver/planner/resource"
)

// asserts judges what must be true after a run, and remembers its outputs for later ones. warnings were found before.
func (r *runner) asserts(run *Run, made *plan.Plan, e *lang.Evaluator, warnings hcl.Diagnostics) (Status, hcl.Diagnostics) {
	outputs, diags := e.Outputs()
	values := map[string]cty.Value{}
	for name, o := range outputs {
		values[name] = o.Value
	}
	r.outputs[run.Name] = cty.ObjectVal(values)
	more := map[string]cty.Value{"output": cty.ObjectVal(values), "run": cty.ObjectVal(r.outputs), "plan": described(made)}
	for _, a := range run.asserts {
		diags = append(diags, a.judge(e, more)...)
	}
	if diags.HasErrors() {
		return Failed, append(warnings, diags...)
	}
	return Passed, append(warnings, diags...)
}

// judge says why the condition is not true.
func (a assert) judge(e *lang.Evaluator, more map[string]cty.Value) hcl.Diagnostics {
	at := a.condition.Range()
	v, diags := e.Ask(a.condition, more)
	if diags.HasErrors() {
		return diags
	}
	v, _ = v.UnmarkDeep()
	v, err := convert.Convert(v, cty.Bool)
	switch {
	case err != nil || v.IsNull():
		return append(diags, problem(&at, "Unsuitable condition", "A condition is true or false."))
	case !v.IsKnown():
		return append(diags, problem(&at, "Condition not known", "What this follows from is known after apply only: let the run's command be apply, or give the value in a block mock."))
	case v.True():
		return diags
	}
	return append(diags, problem(&at, "Assert failed", "%s", a.say(e, more)))
}

// say is the error message.
func (a assert) say(e *lang.Evaluator, more map[string]cty.Value) string {
	v, diags := e.Ask(a.message, more)
	if diags.HasErrors() {
		return "(its error_message: " + diags[0].Detail + ")"
	}
	if v.ContainsMarked() {
		return "(its error_message holds a sensitive value)"
	}
	v, err := convert.Convert(v, cty.String)
	if err != nil || v.IsNull() || !v.IsKnown() {
		return "(its error_message is no string)"
	}
	return v.AsString()
}

// described is what asserts can say of the plan: lists of addresses by what is done, and the arguments of each declared instance.
func described(p *plan.Plan) cty.Value {
	lists := map[string][]cty.Value{}
	arguments := map[string]cty.Value{}
	for _, c := range p.Changes {
		at := c.Addr.String()
		if c.Config != cty.NilVal {
			arguments[at] = c.Config
		}
		for name, in := range map[string]bool{
			"create": c.Action == resource.Create, "update": c.Action == resource.Update, "replace": c.Action == resource.Replace,
			"destroy": c.Action == resource.Delete, "unreachable": c.Unreachable,
		} {
			if in {
				lists[name] = append(lists[name], cty.StringVal(at))
			}
		}
	}
	all := map[string]cty.Value{"arguments": cty.ObjectVal(arguments)}
	for _, name := range []string{"create", "update", "replace", "destroy", "unreachable"} {
		all[name] = cty.ListValEmpty(cty.String)
		if len(lists[name]) > 0 {
			all[name] = cty.ListVal(lists[name])
		}
	}
	return cty.ObjectVal(all)
}
