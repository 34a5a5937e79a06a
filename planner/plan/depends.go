package plan

import (
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
)

// Depends are the numbers of the declared instances from which the arguments came, those of depends_on included: indexes in Plan.Changes.
func (c *Change) Depends() []int { return slices.Clone(c.depends) }

// Late reports whether the arguments of a declared instance follow from what is not done yet. That a step's machine is not there does not count.
func (c *Change) Late() bool {
	arguments, _ := c.Config.Unmark()
	attrs := arguments.AsValueMap()
	delete(attrs, onArgument)
	return hasUnknown(attrs)
}

// Computed returns the computed attributes of an instance as planned: unknown where they follow from what is not done yet.
func (c *Change) Computed() map[string]cty.Value { return maps.Clone(c.computed) }

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
