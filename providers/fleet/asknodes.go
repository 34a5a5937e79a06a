package fleet

import (
	"context"
	"sync"
	"time"

	"viver/nodeimage/spec"
)

const (
	// nodeTime bounds asking one node, which may have gone without a word.
	nodeTime = 5 * time.Second
	// maxAsked is how many nodes are asked at the same time.
	maxAsked = 128
)

// Joined returns the machines that have joined: those that answer, if they have not gone without a word since.
func Joined(machines []spec.Machine) (joined []spec.Machine) {
	for _, m := range machines {
		if m.Stage() == spec.StageJoined && m.Node != "" {
			joined = append(joined, m)
		}
	}
	return joined
}

// askNodes asks these machines at once, and returns the answer or the error of each.
func askNodes[A any](ctx context.Context, f *Fleet, machines []spec.Machine, op spec.Op, args any) ([]A, []error) {
	answers, errs := make([]A, len(machines)), make([]error, len(machines))
	places := make(chan struct{}, maxAsked)
	var asking sync.WaitGroup
	for i, m := range machines {
		asking.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			errs[i] = f.askNode(ctx, m, op, args, &answers[i])
		})
	}
	asking.Wait()
	return answers, errs
}

// askNode asks a machine. A connection that turns out to have ended since it was last used is made anew.
func (f *Fleet) askNode(ctx context.Context, m spec.Machine, op spec.Op, args, result any) error {
	ctx, cancel := context.WithTimeout(ctx, nodeTime)
	defer cancel()
	for {
		client, err := f.Agents.AskNode(ctx, m.Address, m.HostKey)
		if err != nil {
			return err
		}
		err = client.Do(ctx, op, args, result)
		if err == nil || ctx.Err() != nil || !client.Lost(err) {
			return err
		}
	}
}
