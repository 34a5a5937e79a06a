package node

import (
	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// rolloutBlock is the block "rollout", which the planner obeys.
func rolloutBlock() *resource.Block {
	share := func(doc string) *resource.Attribute {
		return &resource.Attribute{Type: cty.String, Check: checkShare, Doc: doc}
	}
	return &resource.Block{Single: true, Manner: true, Schema: resource.Schema{
		Doc: "How the machines of this block are changed. Machines that are made for the first time are not limited. The block of the first machine counts for all.",
		Attributes: map[string]*resource.Attribute{
			"canary":          share("So many are changed first, with all their steps; the others follow if they are well. A number, or a share like \"5%\"."),
			"max_unavailable": share("So many are worked on at the same time: a number, or a share like \"25%\", at least one."),
			"max_failed":      share("So many may fail; with one more, no other one is begun: a number, or a share like \"10%\"."),
		},
	}}
}

func checkShare(v cty.Value) error {
	_, err := resource.ParseShare(v.AsString(), 100)
	return err
}
