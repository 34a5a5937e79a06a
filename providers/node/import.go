package node

import (
	"context"
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/object"
)

var _ resource.Importer = (*Type)(nil)

// Import implements resource.Importer. The ID is the name or the MAC address of a machine that the node's server knows.
func (t *Type) Import(ctx context.Context, r resource.ImportRequest) (map[string]cty.Value, error) {
	server := object.Get(r.Config, "boot", "server")
	at := agents.Server{Name: object.String(server, "name"), Address: object.String(server, "address")}
	if at.Address == "" {
		return nil, fmt.Errorf("its server is not known yet: bring that about first, with --target")
	}
	within, cancel := context.WithTimeout(ctx, askServer)
	defer cancel()
	var list []spec.Machine
	if err := t.Agents.AskServer(within, at, spec.OpMachines, &list); err != nil {
		return nil, err
	}
	name := object.String(r.Config, "name")
	for _, m := range list {
		if m.Node != r.ID && !strings.EqualFold(m.MAC, r.ID) {
			continue
		}
		if m.Node != "" && m.Node != name {
			return nil, fmt.Errorf("the machine %s is called %q on its server, and the configuration says %q", m.MAC, m.Node, name)
		}
		return computed(at, spec.NodeSpec{Name: name, Group: r.Addr, Image: m.Image}, m)
	}
	return nil, fmt.Errorf("the server %s knows no machine %q: `viver nodes` lists them", at.Address, r.ID)
}
