package step

import (
	"context"
	"fmt"
	"slices"

	"viver/nodeimage/spec"
	"viver/providers/node"
)

// placed is a step that is in place on a node.
type placed struct {
	position int
	step     spec.Step
}

// remember tells the node's server which steps are in place, so that the node takes them at its next boot by itself.
func (s *session) remember(ctx context.Context) error {
	at, document := node.Document(s.batch.Machine)
	if at.Address == "" && s.onlyDeletes() {
		return nil // no server was ever told of it
	}
	all := s.inPlace
	for _, k := range s.batch.Kept {
		kept, err := Document(k.Addr, k.Type, k.Config)
		if err != nil {
			return err
		}
		all = append(all, placed{k.Position, kept})
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.position - b.position })
	for _, p := range all {
		document.Steps = append(document.Steps, p.step)
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
