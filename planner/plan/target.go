package plan

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/bitset"
	"viver/planner/resource"
)

// restrict leaves out of the plan what is neither a target nor needed by one. A target is the address of an instance, of a block with all its
// instances, or of a Pac with everything in it. What is left out stays as it is.
func (d *draft) restrict(targets []string) (diags hcl.Diagnostics) {
	if len(targets) == 0 {
		return nil
	}
	var wanted bitset.Set
	found := map[string]bool{}
	for i := len(d.changes) - 1; i >= 0; i-- { // users come after what they use
		c := d.changes[i]
		for _, t := range targets {
			if means(t, c.Addr.String()) || c.Baked && means(t, c.Machine) {
				wanted.Add(i)
				found[t] = true
			}
		}
		if !wanted.Has(i) {
			continue
		}
		for _, n := range c.depends {
			wanted.Add(n)
		}
	}
	for i, c := range d.changes {
		if !wanted.Has(i) {
			c.Action, c.Reasons, c.LeftOut, c.Remember = resource.NoOp, nil, true, nil
		}
	}
	for _, t := range targets {
		if !found[t] {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Unknown target",
				Detail: "Nothing in the configuration or the state has the address " + t + ". viver plan shows what there is.",
			})
		}
	}
	return diags
}

// means reports whether a target means the instance at this address.
func means(target, address string) bool {
	rest, ok := strings.CutPrefix(address, target)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
