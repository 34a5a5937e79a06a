package plan

import (
	"slices"

	"viver/planner/addr"
)

// Depends are the numbers of the declared instances from which the arguments came, those of depends_on included: indexes in Plan.Changes.
func (c *Change) Depends() []int { return slices.Clone(c.depends) }

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
