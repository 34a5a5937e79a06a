package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/field/door"
	"viver/nodeimage/spec"
)

const (
	// handOverTime bounds leaving V-FIELD: package field takes half a minute to give up.
	handOverTime = time.Minute
	// forcedTime bounds saying goodbye there.
	forcedTime = 5 * time.Second
)

// fieldOperations returns what a member of V-FIELD does for operators.
func (n *node) fieldOperations() map[spec.Op]operation {
	return map[spec.Op]operation{
		spec.OpFieldStatus: func(context.Context, *call) (any, error) { return n.config.Field.Status() },
		spec.OpFieldMap:    with(n.fieldMap),
		spec.OpFieldWish:   with(n.fieldWish),
	}
}

// fieldMap returns a list that is never null in JSON.
func (n *node) fieldMap(_ context.Context, image spec.Named) (any, error) {
	ranges, err := n.config.Field.Map(spec.Digest(image.Name))
	return append([]field.Range{}, ranges...), err
}

func (n *node) fieldWish(_ context.Context, w spec.FieldWish) (any, error) {
	if w.Name == "" || w.Drain == nil && w.Prefer == 0 {
		return nil, errors.New("agent: a wish must name a machine, and say drain or prefer")
	}
	if w.Drain != nil {
		if err := n.config.Field.Drain(w.Name, *w.Drain); err != nil {
			return nil, err
		}
	}
	if w.Prefer != 0 {
		return nothing{}, n.config.Field.Prefer(w.Name, w.Prefer)
	}
	return nothing{}, nil
}

// leaveField has others take what only this machine holds, before it goes down. The error says why it must not go.
func (n *node) leaveField(ctx context.Context, c *call, force bool) error {
	limit := handOverTime
	if force {
		limit = forcedTime
	} else if _, err := n.config.Field.Status(); err == nil {
		c.progress("hands over what it holds")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := n.config.Field.Leave(ctx, force)
	switch {
	case err == nil, errors.Is(err, door.ErrNoMember):
		return nil
	case force:
		n.log.Warn("the others were not told that this machine goes", "error", err)
		return nil
	}
	return fmt.Errorf("agent: it stays on: %w; with --force viver switches it off all the same", err)
}

// noField is a machine that is no member.
type noField struct{}

func (noField) Status() (field.Status, error)           { return field.Status{}, door.ErrNoMember }
func (noField) Map(spec.Digest) ([]field.Range, error)  { return nil, door.ErrNoMember }
func (noField) Drain(string, bool) error                { return door.ErrNoMember }
func (noField) Prefer(string, float64) error            { return door.ErrNoMember }
func (noField) Hold([]byte) error                       { return door.ErrNoMember }
func (noField) Drop(spec.Digest) error                  { return door.ErrNoMember }
func (noField) Leave(ctx context.Context, _ bool) error { return door.ErrNoMember }
