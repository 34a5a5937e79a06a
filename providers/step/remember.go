package step

import (
	"context"
	"fmt"
	"slices"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/node"
)

// placed is a step that is in place on a node: a scripted one, or a unit.
type placed struct {
	position int
	step     spec.Step
	unit     *spec.UnitSpec // nil: it is step
}

func place(m resource.Member) (p placed, err error) {
	p.position = m.Position
	if m.Type == unitType {
		unit, err := unitOf(m)
		p.unit = &unit
		return p, err
	}
	p.step, err = Document(m.Addr, m.Type, m.Config)
	return p, err
}

// remember tells the node's server which steps are in place, so that the node takes them at its next boot by itself.
func (s *session) remember(ctx context.Context) error {
	at, document := node.Document(s.batch.Machine)
	if at.Address == "" && s.onlyDeletes() {
		return nil // no server was ever told of it
	}
	all := s.inPlace
	for _, k := range s.batch.Kept {
		kept, err := place(k)
		if err != nil {
			return err
		}
		all = append(all, kept)
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.position - b.position })
	for _, p := range all {
		if p.unit != nil {
			document.Units = append(document.Units, *p.unit)
		} else {
			document.Steps = append(document.Steps, p.step)
		}
	}
	within, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	client, err := s.Agents.Server(within, at)
	if err == nil {
		err = client.Do(within, spec.OpNodePut, document, nil)
	}
	if err != nil {
		return fmt.Errorf("it was done, but the server could not be told that the machine needs it at its next boot: %w", err)
	}
	return nil
}
