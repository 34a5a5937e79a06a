// Package server is the block "server": a machine that starts by itself, and on which viver puts its agent. It owns the way from a
// plain Linux machine to an agent that answers, and back; what the agent then does is for others to ask.
package server

import (
	"context"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/object"
)

// Type is the resource type. Its fields must be set.
type Type struct {
	Agents *agents.Agents
	// NodeBinary finds viver-node, a static binary for the servers' architecture.
	NodeBinary func() (string, error)
}

var _ resource.Reader = (*Type)(nil)

// Name implements resource.Type.
func (*Type) Name() string { return "server" }

// Schema implements resource.Type.
func (*Type) Schema() *resource.Schema {
	fact := []string{}
	return &resource.Schema{
		Doc: "A machine that starts by itself and serves others.",
		Attributes: map[string]*resource.Attribute{
			"address":  {Type: cty.String, Required: true, Check: checkAddress, Unique: true, Doc: "The address under which machines of the network reach it."},
			"data_dir": {Type: cty.String, Default: cty.StringVal(defaultDir), Check: checkDir, Replaces: true, Doc: "Folder on it for viver's agent, images and units."},
			"name":     {Type: cty.String, Computed: true, From: fact, Doc: "The block's name; with count or for_each its key is added."},
			"version":  {Type: cty.String, Computed: true, From: fact, Doc: "Version of its viver-node."},
			"host_key": {Type: cty.String, Computed: true, From: fact, Doc: "SSH host key of its agent, as in authorized_keys."},
		},
		Blocks: map[string]*resource.Block{"ssh": {Single: true, Schema: resource.Schema{
			Doc: "How to log in as root to put viver's agent there. Without this block the server is the machine on which viver runs.",
			Attributes: map[string]*resource.Attribute{
				"host":          {Type: cty.String, Doc: "Name or address; unset: the server's address."},
				"user":          {Type: cty.String, Default: cty.StringVal("root"), Doc: "Who logs in; must be root."},
				"port":          {Type: cty.Number, Default: cty.NumberIntVal(22), Doc: "TCP port."},
				"identity_file": {Type: cty.String, Doc: "Private key; unset: ssh-agent's, then ~/.ssh/id_*."},
				"host_key":      {Type: cty.String, Doc: "The host's public key; unset: known_hosts must have it."},
			},
		}}},
	}
}

// unfit are characters that no host name has.
var unfit = regexp.MustCompile(`[^A-Za-z0-9]+`)

// nameOf is the name of the server with this address in the configuration: server.seed is "seed", server.rack["a"] is "rack-a".
func nameOf(addr string) string {
	block, key := addr, ""
	if strings.HasSuffix(addr, `"]`) {
		if i := strings.LastIndex(addr, `["`); i >= 0 {
			block, key = addr[:i], addr[i:]
		}
	} else if i := strings.LastIndex(addr, "["); i >= 0 && strings.HasSuffix(addr, "]") {
		block, key = addr[:i], addr[i:]
	}
	name := block[strings.LastIndex(block, ".")+1:] + "-" + key
	return strings.ToLower(strings.Trim(unfit.ReplaceAllString(name, "-"), "-"))
}

// Agent names the agent of the server with this object.
func Agent(server cty.Value) agents.Server {
	name := object.String(server, "name")
	if name == "" {
		name = nameOf(object.String(server, "addr"))
	}
	return agents.Server{Name: name, Address: object.String(server, "address")}
}

// Destroy ends the agent with its units and takes away what viver has put there.
func (t *Type) Destroy(ctx context.Context, r resource.DestroyRequest) error {
	h, err := t.open(ctx, r.Prior)
	if err != nil {
		return err
	}
	t.quit(ctx, Agent(r.Prior))
	_, err = h.do(ctx, "remove")
	return err
}
