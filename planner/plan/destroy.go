package plan

import (
	"context"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/state"
)

// Destroy makes a plan to take away everything that is remembered, those that use something before what they use; with Targets only these and
// what uses them; with Exclude all but these and what they use. It needs no configuration: what depends on what stands in the state. With
// Refresh the machines are asked, so that the plan says which of them cannot be reached; it is the same plan all the same.
func Destroy(ctx context.Context, o Options) (*Plan, hcl.Diagnostics) {
	if diags := checkTypes(o); diags.HasErrors() {
		return nil, diags
	}
	d := newDraft(o, o.Seen, nil)
	d.finish()
	if o.Refresh && o.Seen == nil {
		seen, diags := observe(ctx, o, d, func(i *state.Instance) bool { return i.Machine == "" })
		if diags.HasErrors() {
			return nil, diags
		}
		d = newDraft(o, seen, nil)
		d.finish()
	}
	p, diags := d.plan()
	if p != nil {
		p.Destroy = true
	}
	return p, diags
}
