package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
	"viver/planner/apply"
	"viver/planner/lang"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
	"viver/providers/agents"
	"viver/providers/ssh"
	"viver/providers/ssh/sshtest"
	"viver/providers/step"
	"viver/providers/trust"
)

// Room is how long it took to bring steps about on many machines over SSH: in this process too, so both ends share the processors.
type Room struct {
	Nodes   int     `json:"nodes"`
	Steps   int     `json:"steps_each"`
	Seconds float64 `json:"seconds"` // of apply: connections, sessions, and a durable record of each step
}

// applyRoom applies so many steps on each of so many machines.
func applyRoom(ctx context.Context, nodes, steps int) (Room, error) {
	var took time.Duration
	var err error
	testing.Init()
	testing.Benchmark(func(b *testing.B) { // it lends its TB to the servers
		if took, err = applyOnce(ctx, b, nodes, steps); err != nil {
			b.Error(err)
		}
	})
	return Room{nodes, steps, took.Seconds()}, err
}

func applyOnce(ctx context.Context, t testing.TB, nodes, steps int) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "viver-bench-room-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	types, end, err := serveRoom(t, dir, nodes)
	if err != nil {
		return 0, err
	}
	defer end()
	store, err := state.Open(filepath.Join(dir, state.Folder), "bench")
	if err != nil {
		return 0, err
	}
	defer store.Close()
	config, err := loadRoom(dir, nodes, steps, types)
	if err != nil {
		return 0, err
	}
	var evaluator *lang.Evaluator
	made, diags := plan.Make(ctx, plan.Options{State: store.State(), Types: types, Config: func() (plan.Walker, hcl.Diagnostics) {
		var diags hcl.Diagnostics
		evaluator, diags = lang.NewEvaluator(config, nil)
		return evaluator, diags
	}})
	if diags.HasErrors() {
		return 0, diags
	}
	start := time.Now()
	result, err := apply.Run(ctx, apply.Options{Plan: made, Store: store, Config: evaluator, Types: types})
	took := time.Since(start)
	switch {
	case err != nil:
		return 0, err
	case result.Failed() || len(result.Ends) != 2+nodes*(steps+1):
		return 0, fmt.Errorf("%d ends, the first of them: %+v", len(result.Ends), result.Ends[0])
	}
	return took, nil
}

func loadRoom(dir string, nodes, steps int, types map[string]resource.Type) (*lang.Config, error) {
	var text strings.Builder
	fmt.Fprintf(&text, `server "seed" { address = "127.0.0.1" }
image "desk" { from = "debian:bookworm" }
node "pc" {
  count = %d
  boot  = image.desk
  name  = "pc${count.index}"
}
`, nodes)
	for i := range steps {
		fmt.Fprintf(&text, `step "file" "f%d" {
  on      = node.pc
  path    = "/etc/f%d"
  content = "hello ${self.name}"
}
`, i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.viver.hcl"), []byte(text.String()), 0o644); err != nil {
		return nil, err
	}
	schemas := map[string]*resource.Schema{}
	for name, t := range types {
		schemas[name] = t.Schema()
	}
	config, diags := lang.Load(dir, lang.LoadOptions{Schemas: schemas})
	if diags.HasErrors() {
		return nil, diags
	}
	return config, nil
}

// serveRoom starts an agent for a server and for each node, and returns the types by which they are reached: steps are the real ones.
func serveRoom(t testing.TB, dir string, nodes int) (types map[string]resource.Type, end func(), err error) {
	ca, err := trust.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	seed := sshtest.New(t, ca, "seed")
	seed.Handle(spec.OpNodePut, func(*sshtest.Call) (any, error) { return spec.Machine{}, nil })
	_, port, err := net.SplitHostPort(seed.Addr)
	if err != nil {
		return nil, nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, nil, err
	}
	keys := map[string]string{}
	for i := range nodes {
		name := fmt.Sprint("pc", i)
		agent := sshtest.Serve(t, ca, name, net.JoinHostPort(address(i), port))
		if agent.Addr == "" {
			return nil, nil, fmt.Errorf("no agent can listen at %s", address(i))
		}
		agent.Handle(spec.OpSteps, answerSteps)
		keys[name] = strings.TrimSpace(string(cryptossh.MarshalAuthorizedKey(agent.HostKey)))
	}
	pool := new(ssh.Pool)
	types = instantTypes(keys)
	for _, t := range step.Types(&step.Machines{Agents: &agents.Agents{Dir: dir, Pool: pool, Port: number}}) {
		types[t.Name()] = t
	}
	return types, func() { pool.Close() }, nil
}

func address(i int) string { return fmt.Sprintf("127.0.%d.%d", 2+i/250, 1+i%250) }

func answerSteps(c *sshtest.Call) (any, error) {
	var run spec.StepRun
	if err := spec.Decode(c.Args, &run); err != nil {
		return nil, err
	}
	for _, s := range run.Steps {
		c.Event(spec.StepResult{ID: s.ID, Status: spec.StepChanged})
	}
	return struct{}{}, nil
}

// instant is a type whose instances are there at once.
type instant struct {
	name   string
	schema *resource.Schema
	answer func(r resource.ApplyRequest) map[string]cty.Value
}

func (t *instant) Name() string             { return t.name }
func (t *instant) Schema() *resource.Schema { return t.schema }

func (t *instant) Apply(_ context.Context, r resource.ApplyRequest) (map[string]cty.Value, error) {
	return t.answer(r), nil
}

func (t *instant) Destroy(context.Context, resource.DestroyRequest) error { return nil }

// instantTypes are servers, images and nodes, the latter with these host keys.
func instantTypes(keys map[string]string) map[string]resource.Type {
	text := &resource.Attribute{Type: cty.String, Required: true}
	fact := &resource.Attribute{Type: cty.String, Computed: true, From: []string{}}
	nothing := func(resource.ApplyRequest) map[string]cty.Value { return map[string]cty.Value{} }
	node := &resource.Schema{Waits: true, Attributes: map[string]*resource.Attribute{
		"name": text, "boot": {Type: cty.DynamicPseudoType, Refers: []string{"image"}}, "mac": {Type: cty.String},
		"address": fact, "host_key": fact, "server_name": fact, "server_address": fact, "image_id": fact, "group": fact,
	}}
	return map[string]resource.Type{
		"server": &instant{"server", &resource.Schema{Attributes: map[string]*resource.Attribute{"address": text}}, nothing},
		"image":  &instant{"image", &resource.Schema{Attributes: map[string]*resource.Attribute{"from": text}}, nothing},
		"node": &instant{"node", node, func(r resource.ApplyRequest) map[string]cty.Value {
			name := r.Config.GetAttr("name").AsString()
			i, _ := strconv.Atoi(strings.TrimPrefix(name, "pc"))
			return map[string]cty.Value{
				"address": cty.StringVal(address(i)), "host_key": cty.StringVal(keys[name]), "server_name": cty.StringVal("seed"),
				"server_address": cty.StringVal("127.0.0.1"), "image_id": cty.StringVal("sha256:aa"), "group": cty.StringVal(r.Group),
			}
		}},
	}
}
