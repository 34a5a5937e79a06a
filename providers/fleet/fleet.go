// Package fleet is for looking at machines outside of plans: what the servers know of them, and a session on one.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"viver/nodeimage/spec"
	"viver/planner/addr"
	"viver/providers/agents"
	"viver/providers/ssh"
)

// Fleet reaches the machines of one cluster. It is safe for concurrent use.
type Fleet struct {
	Agents *agents.Agents
	// Memory is the file that keeps what the servers said last, for when they do not answer; empty: nothing is kept.
	Memory string
}

// Machines asks all servers at once, and returns every machine that any of them knows, in the natural order of their names; those
// without a name come last. A machine that several servers know counts as the one that saw it last says. Servers that do not answer make an
// error, which comes beside what the others said, and what all said last.
func (f *Fleet) Machines(ctx context.Context, servers []agents.Server) ([]spec.Machine, error) {
	if f.Memory == "" {
		return f.ask(ctx, servers, spec.OpMachines, nil)
	}
	return f.machines(ctx, servers)
}

// Approve lets machines in that wait for it: those with these MACs, or all. It tells all servers at once, and returns the machines that
// any of them let in. Servers that do not answer make an error, which comes beside what the others said.
func (f *Fleet) Approve(ctx context.Context, servers []agents.Server, a spec.Approval) ([]spec.Machine, error) {
	return f.ask(ctx, servers, spec.OpApprove, a)
}

// ask asks all servers at once for machines.
func (f *Fleet) ask(ctx context.Context, servers []agents.Server, op spec.Op, args any) ([]spec.Machine, error) {
	answers, errs := askAll[[]spec.Machine](ctx, f, servers, op, args)
	return merge(answers), errors.Join(errs...)
}

// askAll asks all servers at once, and returns the answer or the error of each.
func askAll[A any](ctx context.Context, f *Fleet, servers []agents.Server, op spec.Op, args any) ([]A, []error) {
	answers, errs := make([]A, len(servers)), make([]error, len(servers))
	var asking sync.WaitGroup
	for i, s := range servers {
		asking.Go(func() {
			client, err := f.Agents.Server(ctx, s)
			if err == nil {
				err = client.Do(ctx, op, args, &answers[i])
			}
			if err != nil {
				errs[i] = fmt.Errorf("server %s: %w", s.Name, err)
			}
		})
	}
	asking.Wait()
	return answers, errs
}

func merge(answers [][]spec.Machine) []spec.Machine {
	latest := map[string]spec.Machine{}
	for _, m := range slices.Concat(answers...) {
		if known, ok := latest[m.MAC]; !ok || m.LastSeen.After(known.LastSeen) {
			latest[m.MAC] = m
		}
	}
	machines := make([]spec.Machine, 0, len(latest))
	for _, m := range latest {
		machines = append(machines, m)
	}
	slices.SortFunc(machines, func(a, b spec.Machine) int {
		return cmp.Or(
			cmp.Compare(min(len(b.Node), 1), min(len(a.Node), 1)),
			addr.Natural(a.Node, b.Node),
			strings.Compare(a.MAC, b.MAC))
	})
	return machines
}

// Session runs a command on the machine, or a shell where command is empty, as root, with these streams. The error is an
// *ssh.ExitError if the command ended with another status than 0.
func (f *Fleet) Session(ctx context.Context, m spec.Machine, command string, t ssh.Terminal) error {
	client, err := f.Agents.Node(ctx, m.Address, m.HostKey)
	if err != nil {
		return err
	}
	return client.Session(ctx, command, t)
}
