package plan

import (
	"context"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/addr"
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

// Remembered are the addresses of the changes' dependencies: what the arguments of a declared instance came from.
func (p *Plan) Remembered(numbers []int) []string {
	list := make([]addr.Instance, 0, len(numbers))
	for _, n := range numbers {
		list = append(list, p.Changes[n].Addr)
	}
	slices.SortFunc(list, addr.Compare)
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.String()
	}
	return out
}
