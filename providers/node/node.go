// Package node is the block "node": a machine that boots over the network. It tells a server which name is wanted and
// what it boots, waits until a machine has taken that name and joined, and switches it off in the end.
package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/object"
	"viver/providers/ssh"
)

// Type is the resource type. Agents must be set.
type Type struct {
	Agents *agents.Agents
	// Answers tells whether anything at an address answers until ctx ends; nil: a TCP connection is tried.
	Answers func(ctx context.Context, address string) bool

	mu     sync.Mutex        // guards what follows
	rooms  map[string]*room  // by server
	claims map[string]string // which instance has a name on a server
}

var _ resource.Reader = (*Type)(nil)

// Name implements resource.Type.
func (*Type) Name() string { return "node" }

// Schema implements resource.Type.
func (*Type) Schema() *resource.Schema {
	fact := func(t cty.Type, doc string) *resource.Attribute {
		return &resource.Attribute{Type: t, Computed: true, From: []string{}, Doc: doc}
	}
	fromBoot := func(doc string) *resource.Attribute {
		return &resource.Attribute{Type: cty.String, Computed: true, From: []string{"boot"}, Doc: doc}
	}
	return &resource.Schema{
		Doc:   "A machine that boots over the network.",
		Waits: true,
		Check: checkDeputy,
		Attributes: map[string]*resource.Attribute{
			"boot":           {Type: cty.DynamicPseudoType, Refers: []string{"pac"}, Required: true, Doc: "The Pac that boots it: builtin/netboot, or one with its outputs server and image."},
			"name":           {Type: cty.String, Required: true, Check: checkName, Unique: true, Replaces: true, Doc: "Its host name."},
			"mac":            {Type: cty.String, Check: checkMAC, Unique: true, Doc: "Binds the name to one machine; unset: to whichever comes first."},
			"timeout":        {Type: cty.String, Default: cty.StringVal("10m"), Manner: true, Check: checkTimeout, Doc: "How long apply waits for it."},
			"address":        fact(cty.String, "Its IP address."),
			"mac_address":    fact(cty.String, "MAC address of the interface that it booted from."),
			"boot_id":        fact(cty.String, "Changes with each boot."),
			"host_key":       fact(cty.String, "SSH host key of this boot, as in authorized_keys."),
			"firmware":       fact(cty.String, "bios or uefi."),
			"facts":          fact(cty.DynamicPseudoType, "The hardware that it found: architecture, cpu, cores, memory_bytes, disks, interfaces, graphics and more."),
			"server_name":    fromBoot("Name of the server that it joins."),
			"server_address": fromBoot("Address of that server."),
			"image_id":       fromBoot("ID of the image that it boots."),
			"admission":      fromBoot("Which machines may take its name: that of the network."),
			"group":          fact(cty.String, "Address of its block."),
		},
		Blocks: map[string]*resource.Block{"rollout": rolloutBlock(), "field": fieldBlock(), "health": {Single: true, Schema: resource.Schema{
			Doc: "What must be well before it counts as there.",
			Attributes: map[string]*resource.Attribute{
				"units": {Type: cty.List(cty.String), Required: true, Doc: "Services or targets that must run."},
			},
		}}},
	}
}

// wish is what an instance asks for.
type wish struct {
	addr    string
	server  agents.Server
	node    spec.NodeSpec
	timeout time.Duration
	units   []string
}

func wishOf(r resource.ApplyRequest) (wish, error) {
	w := wish{
		addr:   r.Addr,
		server: agents.Server{Name: object.String(r.Config, "boot", "server", "name"), Address: object.String(r.Config, "boot", "server", "address")},
		node: spec.NodeSpec{
			Name: object.String(r.Config, "name"), MAC: strings.ToLower(object.String(r.Config, "mac")), Group: r.Group,
			Image:     spec.Digest(object.String(r.Config, "boot", "image", "id")),
			Admission: spec.Admission(object.String(r.Config, "boot", "network", "admission")), KeepSteps: true,
		},
		units: object.Strings(r.Config, "health", "units"),
	}
	var err error
	if w.timeout, err = timeoutOf(object.String(r.Config, "timeout")); err != nil {
		return w, fmt.Errorf("timeout: %w", err)
	}
	if w.node.Field, err = fieldOf(r.Config); err != nil {
		return w, err
	}
	if w.server.Address == "" || w.node.Image == "" {
		return w, fmt.Errorf("boot: %s has no output server or no output image: name a Pac like builtin/netboot", object.String(r.Config, "boot", "addr"))
	}
	if err := checkName(cty.StringVal(w.node.Name)); err != nil {
		return w, fmt.Errorf("name: %w", err)
	}
	if w.node.MAC != "" {
		if err := checkMAC(cty.StringVal(w.node.MAC)); err != nil {
			return w, fmt.Errorf("mac: %w", err)
		}
	}
	if err := checkDeputy(r.Config); err != nil {
		return w, err
	}
	if w.node.MAC == "" && w.node.Admission == spec.AdmitListed {
		return w, fmt.Errorf("mac: %s admits listed machines only, and %s lists none: set its mac", object.String(r.Config, "boot", "network", "addr"), r.Addr)
	}
	return w, nil
}

// claim makes sure that no other instance has the name.
func (t *Type) claim(w wish) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := w.server.Address + "/" + strings.ToLower(w.node.Name)
	if other := t.claims[key]; other != "" && other != w.addr {
		return fmt.Errorf("%s is called %q too: give each machine a name of its own", other, w.node.Name)
	}
	if t.claims == nil {
		t.claims = map[string]string{}
	}
	t.claims[key] = w.addr
	return nil
}

// serverTimeout is how long a server may be silent.
const serverTimeout = 60 * time.Second

func (t *Type) connect(ctx context.Context, s agents.Server) (*ssh.Client, error) {
	within, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	return t.Agents.Server(within, s)
}

// Apply says that the node is wanted, and waits for it.
func (t *Type) Apply(ctx context.Context, r resource.ApplyRequest) (map[string]cty.Value, error) {
	w, err := wishOf(r)
	if err != nil {
		return nil, err
	}
	if err := t.claim(w); err != nil {
		return nil, err
	}
	client, err := t.connect(ctx, w.server)
	if err != nil {
		return nil, err
	}
	var m spec.Machine
	if err := client.Do(ctx, spec.OpNodePut, w.node, &m); err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	a := arrival{wish: w, agents: t.Agents, place: t.enter(w), report: r.Report}
	defer a.place.leave()
	m, err = a.wait(within)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	// Whatever came, the node is wanted on the server by now.
	known, convertErr := computed(w.server, w.node, m)
	return known, errors.Join(err, convertErr)
}

// computed are the attributes that follow from a machine; a zero one leaves them null.
func computed(s agents.Server, n spec.NodeSpec, m spec.Machine) (map[string]cty.Value, error) {
	all := map[string]cty.Value{
		"server_name":    cty.StringVal(s.Name),
		"server_address": cty.StringVal(s.Address),
		"image_id":       cty.StringVal(string(n.Image)),
		"group":          cty.StringVal(n.Group),
	}
	if n.Admission != "" {
		all["admission"] = cty.StringVal(string(n.Admission))
	}
	if m.MAC == "" {
		return all, nil
	}
	return all, observed(all, m)
}

// observed adds what is seen of a machine.
func observed(all map[string]cty.Value, m spec.Machine) error {
	for name, text := range map[string]string{
		"address": m.Address, "mac_address": m.MAC, "boot_id": m.BootID, "host_key": m.HostKey, "firmware": m.Firmware,
	} {
		if text != "" {
			all[name] = cty.StringVal(text)
		}
	}
	if m.Facts == nil {
		return nil
	}
	facts, err := object.FromJSON(m.Facts)
	if err != nil {
		return fmt.Errorf("the machine's facts: %w", err)
	}
	all["facts"] = facts
	return nil
}

// Document is the node of this object as its server is told of it, without its steps and its part in the shared root. It needs the
// computed attributes only.
func Document(node cty.Value) (agents.Server, spec.NodeSpec) {
	return agents.Server{Name: object.String(node, "server_name"), Address: object.String(node, "server_address")},
		spec.NodeSpec{
			Name: object.String(node, "name"), MAC: strings.ToLower(object.String(node, "mac")),
			Group: object.String(node, "group"), Image: spec.Digest(object.String(node, "image_id")),
			Admission: spec.Admission(object.String(node, "admission")), KeepField: true,
		}
}
