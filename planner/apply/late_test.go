package apply_test

import (
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/apply"
)

// TestArgumentsFollowArguments: what is not known before the apply reaches a step through the argument of another one, which is done in the same
// session or goes into the same image.
func TestArgumentsFollowArguments(t *testing.T) {
	for _, machine := range []string{"server", "image"} {
		t.Run(machine, func(t *testing.T) {
			r := newRoom(t)
			all := []declaration{
				{kind: "thing", name: "a", value: "first", on: -1},
				{kind: machine, name: "m", on: -1},
				{kind: "step.note", name: "one", on: 1, follows: attributeOf(0, "id"), after: []int{0}},
				{kind: "step.note", name: "two", on: 1, follows: attributeOf(2, "value"), after: []int{2}},
				{kind: "step.note", name: "three", on: 1, follows: attributeOf(3, "value"), after: []int{3}},
			}
			for _, value := range []string{"first", "second"} {
				all[0].value = value
				for _, e := range r.apply(t, all, nil).Ends {
					if e.Status != apply.Done {
						t.Fatalf("%s: %v", e.Change.Addr, e.Err)
					}
				}
				if got, want := r.things["step.note.three"].value, r.things["thing.a"].id; got != want {
					t.Errorf("the last one got %q of %q", got, want)
				}
			}
			r.check(t)
		})
	}
}

// attributeOf is an attribute of the nth declaration.
func attributeOf(n int, name string) func([]cty.Value) cty.Value {
	return func(made []cty.Value) cty.Value { return made[n].GetAttr(name) }
}
