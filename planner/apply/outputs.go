package apply

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/state"
)

// outputs evaluates the outputs and remembers them, when everything is there that they follow from.
func (r *run) outputs(result *Result) {
	if result.Failed() || r.writable() != nil || r.Plan.Destroy && r.Plan.Partial {
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
		if before, ok := r.Store.State().Outputs[name]; r.Plan.Partial && !v.IsWhollyKnown() {
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
