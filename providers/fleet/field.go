package fleet

import (
	"context"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// FieldView is what one node says of the shared root, or why it says nothing.
type FieldView struct {
	Node   string        `json:"node"`
	Status *field.Status `json:"status,omitempty"`
	Error  string        `json:"error,omitempty"`
}

// Field asks these machines at once for what they know of the shared root, and returns the views in their order.
func (f *Fleet) Field(ctx context.Context, machines []spec.Machine) []FieldView {
	answers, errs := askNodes[field.Status](ctx, f, machines, spec.OpFieldStatus, nil)
	views := make([]FieldView, len(machines))
	for i, m := range machines {
		views[i].Node = m.Node
		if errs[i] != nil {
			views[i].Error = errs[i].Error()
		} else {
			views[i].Status = &answers[i]
		}
	}
	return views
}

// FieldMap asks a machine where the chunks of an image are, or would come from now.
func (f *Fleet) FieldMap(ctx context.Context, m spec.Machine, image spec.Digest) (ranges []field.Range, err error) {
	err = f.askNode(ctx, m, spec.OpFieldMap, spec.Named{Name: string(image)}, &ranges)
	return ranges, err
}

// Told is whether a machine has taken a wish.
type Told struct {
	Node  string `json:"node"`
	Error string `json:"error,omitempty"` // why not
}

// Wish tells these machines at once what an operator wishes of another's use, and returns in their order what they say to it.
func (f *Fleet) Wish(ctx context.Context, machines []spec.Machine, w spec.FieldWish) []Told {
	_, errs := askNodes[struct{}](ctx, f, machines, spec.OpFieldWish, w)
	all := make([]Told, len(machines))
	for i, m := range machines {
		all[i].Node = m.Node
		if errs[i] != nil {
			all[i].Error = errs[i].Error()
		}
	}
	return all
}
