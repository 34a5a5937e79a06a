package step

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"viver/nodeimage/spec"
	"viver/pacs/step"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/node"
	"viver/providers/object"
	"viver/providers/server"
	"viver/providers/ssh"
)

// askTimeout is how long one machine may take when it is only asked how its steps are.
const askTimeout = 5 * time.Second

// Read implements resource.Reader: all steps of a machine are checked in one session, all machines at the same time.
func (t *Type) Read(ctx context.Context, instances []resource.ReadRequest) []resource.Observation {
	all := make([]resource.Observation, len(instances))
	byMachine := map[string][]int{}
	for i, r := range instances {
		at := object.String(r.Prior, "on", "addr")
		byMachine[at] = append(byMachine[at], i)
	}
	known := &rosters{agents: t.machines.Agents, servers: map[agents.Server]func() (map[string]spec.Machine, error){}}
	var asking sync.WaitGroup
	for _, numbers := range byMachine {
		asking.Go(func() {
			p := &probe{typ: t, known: known, machine: object.Get(instances[numbers[0]].Prior, "on")}
			for _, i := range numbers {
				p.requests = append(p.requests, instances[i])
			}
			for k, o := range p.ask(ctx) {
				all[numbers[k]] = o
			}
		})
	}
	asking.Wait()
	return all
}

// rosters asks each server once for its machines.
type rosters struct {
	agents *agents.Agents

	mu      sync.Mutex // guards servers
	servers map[agents.Server]func() (map[string]spec.Machine, error)
}

func (r *rosters) machines(ctx context.Context, s agents.Server) (map[string]spec.Machine, error) {
	r.mu.Lock()
	once := r.servers[s]
	if once == nil {
		once = sync.OnceValues(func() (map[string]spec.Machine, error) { return node.Machines(ctx, r.agents, s) })
		r.servers[s] = once
	}
	r.mu.Unlock()
	return once()
}

// probe is the question to one machine.
type probe struct {
	typ      *Type
	known    *rosters
	machine  cty.Value
	requests []resource.ReadRequest
}

func (p *probe) ask(ctx context.Context) []resource.Observation {
	within, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var seen []resource.Observation
	var err error
	switch p.typ.name {
	case unitType:
		seen, err = p.units(within)
	case imageType:
		seen, err = p.images(within)
	default:
		seen, err = p.scripts(ctx)
	}
	if err == nil {
		return seen
	}
	o := resource.Observation{Status: resource.Unreachable, Reason: object.String(p.machine, "name") + " does not answer"}
	var key *ssh.KeyError
	if errors.As(err, &key) {
		o.Reason = key.Reason
	}
	if object.String(p.machine, "kind") == "server" {
		o = server.Unanswered(err)
	}
	return slices.Repeat([]resource.Observation{o}, len(p.requests))
}

// connect reaches a server as it is remembered, and a node as its server knows it by now: since it was last seen it may have booted
// again, with another key.
func (p *probe) connect(ctx context.Context) (*ssh.Client, error) {
	m := p.typ.machines
	if object.String(p.machine, "kind") != "node" {
		return m.connect(ctx, p.machine, askTimeout)
	}
	at, document := node.Document(p.machine)
	machines, err := p.known.machines(ctx, at)
	if err != nil {
		return nil, err
	}
	now := machines[document.Name]
	within, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return m.Agents.AskNode(within, now.Address, now.HostKey)
}

func (p *probe) units(ctx context.Context) ([]resource.Observation, error) {
	status, err := p.status(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]resource.Observation, len(p.requests))
	for i, r := range p.requests {
		n := slices.IndexFunc(status.Units, func(u spec.UnitStatus) bool { return u.Name == r.Addr })
		switch {
		case n < 0:
			all[i] = resource.Observation{Status: resource.Absent, Reason: "the machine does not run it"}
		case status.Units[n].State != spec.UnitReady:
			all[i] = resource.Observation{Status: resource.Drifted, Reason: string(status.Units[n].State) + ": " + status.Units[n].Detail}
		}
	}
	return all, nil
}

func (p *probe) status(ctx context.Context) (status spec.AgentStatus, err error) {
	if object.String(p.machine, "kind") != "node" {
		err = p.typ.machines.Agents.AskServer(ctx, server.Agent(p.machine), spec.OpStatus, &status)
		return status, err
	}
	client, err := p.connect(ctx)
	if err == nil {
		err = client.Do(ctx, spec.OpStatus, nil, &status)
	}
	return status, err
}

func (p *probe) images(ctx context.Context) ([]resource.Observation, error) {
	var there []spec.StoredImage
	if err := p.typ.machines.Agents.AskServer(ctx, server.Agent(p.machine), spec.OpImageList, &there); err != nil {
		return nil, err
	}
	all := make([]resource.Observation, len(p.requests))
	for i, r := range p.requests {
		if !has(there, spec.Digest(object.String(r.Prior, "id"))) {
			all[i] = resource.Observation{Status: resource.Absent, Reason: "the server does not have it"}
		}
	}
	return all, nil
}

// scripts checks the steps that can be checked; the others count as present.
func (p *probe) scripts(ctx context.Context) ([]resource.Observation, error) {
	run := spec.StepRun{Mode: step.Check}
	var numbers []int
	for i, r := range p.requests {
		document, err := Document(r.Addr, p.typ.name, remembered(r))
		if err == nil && !holdsDigest(document.Config) {
			run.Steps, numbers = append(run.Steps, document), append(numbers, i)
		}
	}
	all := make([]resource.Observation, len(p.requests))
	if len(run.Steps) == 0 {
		return all, nil
	}
	client, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	next := 0
	_, err = client.Call(ctx, spec.OpSteps, run, nil, func(reply spec.Reply) {
		var r spec.StepResult
		if next < len(numbers) && reply.Event != nil && json.Unmarshal(reply.Event, &r) == nil {
			i := numbers[next]
			all[i] = p.seen(p.requests[i], r)
			next++
		}
	})
	return all, err
}

// seen is what a check's answer says. One that cannot tell counts as present.
func (p *probe) seen(request resource.ReadRequest, r spec.StepResult) resource.Observation {
	switch {
	case r.Status == spec.StepDiffers:
		return resource.Observation{Status: resource.Drifted, Reason: r.Diff}
	case r.Status == spec.StepFailed:
		return resource.Observation{Status: resource.Drifted, Reason: "it cannot be checked: " + lastLine(r.Output)}
	case hasValue(p.typ.name) && r.Output != object.String(request.Prior, "value"):
		return resource.Observation{Computed: map[string]cty.Value{"value": cty.StringVal(r.Output)}}
	}
	return resource.Observation{}
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndex(text, "\n")+1:]
}

// digestPrefix begins what state keeps in the place of a secret.
const digestPrefix = "hmac-sha256:"

func holdsDigest(document json.RawMessage) bool {
	return strings.Contains(string(document), `"`+digestPrefix)
}

// remembered are the arguments as they were last applied. State has digests of secret ones: those are taken as they are declared now.
func remembered(r resource.ReadRequest) cty.Value {
	attrs := map[string]cty.Value{}
	for name, v := range r.Prior.AsValueMap() {
		if data, err := ctyjson.Marshal(v, v.Type()); err == nil && strings.Contains(string(data), `"`+digestPrefix) {
			if now := object.Get(r.Config, name); now != cty.NilVal {
				v = now
			}
		}
		attrs[name] = v
	}
	return cty.ObjectVal(attrs)
}
