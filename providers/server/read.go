package server

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/object"
	"viver/providers/ssh"
)

// readTimeout is how long one server may take to answer.
const readTimeout = 5 * time.Second

// Read implements resource.Reader: it asks all servers at once.
func (t *Type) Read(ctx context.Context, instances []resource.ReadRequest) []resource.Observation {
	all := make([]resource.Observation, len(instances))
	var asking sync.WaitGroup
	for i, r := range instances {
		asking.Go(func() { all[i] = t.read(ctx, r) })
	}
	asking.Wait()
	return all
}

func (t *Type) read(ctx context.Context, r resource.ReadRequest) resource.Observation {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var status spec.AgentStatus
	if err := t.Agents.AskServer(ctx, Agent(r.Prior), spec.OpStatus, &status); err != nil {
		return Unanswered(err)
	}
	if !status.Passports {
		return resource.Observation{Status: resource.Drifted, Reason: "it is of an earlier version: its machines get no passports"}
	}
	if t.outdated(ctx, r) {
		return resource.Observation{Status: resource.Drifted, Reason: "its viver-node is another one"}
	}
	return resource.Observation{}
}

// outdated tells whether a server on this machine has another viver-node than the one that would be put there.
func (t *Type) outdated(ctx context.Context, r resource.ReadRequest) bool {
	if object.Get(r.Prior, "ssh") != cty.NilVal {
		return false
	}
	program, err := t.program()
	if err != nil {
		return false // apply says what is wrong with it
	}
	h, err := t.open(ctx, r.Prior)
	if err != nil {
		return false
	}
	state, err := h.inspect(ctx)
	return err == nil && state.program != digest(program)
}

// Unanswered is how a server is seen whose agent could not be asked. Where the machine itself answered, its agent is gone and
// apply brings it back; a machine that is silent cannot be helped from here.
func Unanswered(err error) resource.Observation {
	var key *ssh.KeyError
	switch {
	case errors.As(err, &key):
		return resource.Observation{Status: resource.Drifted, Reason: key.Reason}
	case errors.Is(err, syscall.ECONNREFUSED):
		return resource.Observation{Status: resource.Drifted, Reason: "its agent does not run"}
	}
	return resource.Observation{Status: resource.Unreachable, Reason: err.Error()}
}
