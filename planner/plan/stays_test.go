package plan_test

import (
	"testing"

	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

func TestStays(t *testing.T) {
	there := &state.Instance{}
	for name, c := range map[string]struct {
		change plan.Change
		stays  bool
	}{
		"destroyed":                  {plan.Change{Action: resource.Delete, Prior: there}, false},
		"made":                       {plan.Change{Action: resource.Create}, true},
		"replaced":                   {plan.Change{Action: resource.Replace, Prior: there}, true},
		"forgotten":                  {plan.Change{Action: resource.Forget, Prior: there}, true},
		"left out":                   {plan.Change{Action: resource.NoOp, Prior: there, LeftOut: true}, true},
		"left out and not there yet": {plan.Change{Action: resource.NoOp, LeftOut: true}, false},
	} {
		other, gone := c.change, plan.Change{Type: "node", Action: resource.Delete, Prior: there}
		c.change.Type, other.Type = "node", "server"
		p := plan.Plan{Changes: []*plan.Change{&gone, &c.change}}
		if p.Stays("node") != c.stays {
			t.Errorf("%s: it stays: %v", name, !c.stays)
		}
		if p := (plan.Plan{Changes: []*plan.Change{&gone, &other}}); p.Stays("node") {
			t.Errorf("%s: another type stays for it", name)
		}
	}
}
