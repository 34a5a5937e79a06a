package plan

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/addr"
)

// Destroy makes a plan to take away everything that is remembered, those that use something before what they use; with Targets only these and
// what uses them; with Exclude all but these and what they use. It needs no configuration: what depends on what stands in the state.
func Destroy(o Options) (*Plan, hcl.Diagnostics) {
	if diags := checkTypes(o); diags.HasErrors() {
		return nil, diags
	}
	d := newDraft(o, nil, nil)
	d.finish()
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
