package plan

import "slices"

// Depends are the numbers of the declared instances from which the arguments came, those of depends_on included: indexes in Plan.Changes.
func (c *Change) Depends() []int { return slices.Clone(c.depends) }
