package server

import (
	"context"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/object"
)

var _ resource.Importer = (*Type)(nil)

// Import implements resource.Importer. The ID is the address of a server whose agent runs and is of this cluster.
func (t *Type) Import(ctx context.Context, r resource.ImportRequest) (map[string]cty.Value, error) {
	agent := agents.Server{Name: nameOf(r.Addr), Address: object.String(r.Config, "address")}
	if r.ID != agent.Address {
		return nil, fmt.Errorf("the ID of a server is its address, and the configuration says %q, not %q", agent.Address, r.ID)
	}
	authority, err := t.Agents.Authority()
	if err != nil {
		return nil, err
	}
	var status spec.AgentStatus
	if err := t.Agents.AskServer(ctx, agent, spec.OpStatus, &status); err != nil {
		return nil, fmt.Errorf("no agent of this cluster answers at %s under the name %s (without an import block, apply puts one there): %w", agent.Address, agent.Name, err)
	}
	h, err := t.open(ctx, r.Config)
	if err != nil {
		return nil, err
	}
	return t.computed(ctx, h, authority, agent, status)
}
