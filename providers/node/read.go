package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/object"
	"viver/providers/server"
)

// How long a server and a node may take to answer when they are only asked how they are.
const (
	askServer = 8 * time.Second
	askNode   = 5 * time.Second
)

// Read implements resource.Reader: it asks each server once, and all nodes at the same time.
func (t *Type) Read(ctx context.Context, instances []resource.ReadRequest) []resource.Observation {
	byServer := map[agents.Server][]int{}
	for i, r := range instances {
		s, _ := Document(r.Prior)
		byServer[s] = append(byServer[s], i)
	}
	all := make([]resource.Observation, len(instances))
	var asking sync.WaitGroup
	for s, numbers := range byServer {
		asking.Go(func() {
			machines, err := Machines(ctx, t.Agents, s)
			for _, i := range numbers {
				asking.Go(func() {
					if err != nil {
						all[i] = server.Unanswered(err)
						return
					}
					all[i] = t.read(ctx, instances[i].Prior, machines)
				})
			}
		})
	}
	asking.Wait()
	return all
}

// Machines asks a server for its machines, by the name that they are bound to.
func Machines(ctx context.Context, a *agents.Agents, s agents.Server) (map[string]spec.Machine, error) {
	within, cancel := context.WithTimeout(ctx, askServer)
	defer cancel()
	var list []spec.Machine
	if err := a.AskServer(within, s, spec.OpMachines, &list); err != nil {
		return nil, err
	}
	bound := map[string]spec.Machine{}
	for _, m := range list {
		if m.Node != "" {
			bound[m.Node] = m
		}
	}
	return bound, nil
}

func (t *Type) read(ctx context.Context, prior cty.Value, machines map[string]spec.Machine) resource.Observation {
	m, ok := machines[object.String(prior, "name")]
	if !ok {
		return resource.Observation{Status: resource.Absent, Reason: "no machine has its name"}
	}
	o := resource.Observation{Computed: map[string]cty.Value{}}
	if err := observed(o.Computed, m); err != nil {
		return resource.Observation{Status: resource.Unreachable, Reason: err.Error()}
	}
	// A reboot alone is nothing to mend: the node has taken its steps again by itself, and each of them is asked too.
	switch {
	case m.Stage() == spec.StageLeft:
		return resource.Observation{Status: resource.Unreachable, Reason: "it is switched off"}
	case m.Stage() != spec.StageJoined:
		o.Status, o.Reason = resource.Drifted, "it is booting, in stage "+string(m.Stage())
	default:
		if err := t.ask(ctx, m); err != nil {
			o.Status, o.Reason = resource.Unreachable, "it does not answer at "+m.Address
			var gone interface{ Timeout() bool }
			if !errors.As(err, &gone) {
				o.Reason = err.Error()
			}
		} else if wanted := object.String(prior, "image_id"); wanted != "" && wanted != string(m.Image) {
			o.Reason = "runs its former image until it reboots"
		}
	}
	return o
}

// ask tells whether a node answers.
func (t *Type) ask(ctx context.Context, m spec.Machine) error {
	within, cancel := context.WithTimeout(ctx, askNode)
	defer cancel()
	client, err := t.Agents.AskNode(within, m.Address, m.HostKey)
	if err != nil {
		return err
	}
	return client.Do(within, spec.OpStatus, nil, nil)
}
