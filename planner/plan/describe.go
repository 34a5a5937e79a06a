package plan

import (
	"fmt"
	"strconv"

	"github.com/zclconf/go-cty/cty"
)

// Describe writes all that makes the plan what it is, piece by piece and always in the same way: two plans that write the same are the same.
// Sensitive values are in it as digests.
func (p *Plan) Describe(write func(string)) {
	write(fmt.Sprint(p.Lineage, " ", p.Serial, p.Destroy, p.RefreshOnly, p.Partial))
	write(fmt.Sprint(p.Moves, p.Rollouts))
	for _, c := range p.Changes {
		write(c.Addr.String())
		write(fmt.Sprint(c.Number, c.Type, c.Action, c.Machine, c.Position, c.Baked, c.Forget, c.LeftOut, c.Unreachable, c.Refreshed, c.Protect, c.MovedFrom, c.ImportID))
		for _, r := range c.Reasons {
			write(r.String())
		}
		if c.inputs != cty.NilVal {
			write(c.inputs.GoString())
		}
	}
	for _, v := range p.Vertices {
		write(v.Machine + v.Group + fmt.Sprint(v.Baked, v.Forgets, v.After))
		for _, m := range v.Members {
			write(strconv.Itoa(m.Change) + string(m.Action) + fmt.Sprint(m.Needs))
		}
	}
}
