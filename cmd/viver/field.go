package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"viver/nodeimage/spec"
	"viver/providers/fleet"
)

// findTime bounds asking the servers where the nodes are.
const findTime = 10 * time.Second

func (a *app) fieldCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "field",
		Short: "Look at the root that nodes share, and say how it is used",
		Long: `Nodes hold the chunks of their root images in RAM for one another, and read from each other; servers that have the images on their
disks, the seeds, are asked last, and may go once the nodes hold everything. field shows how far that is, and lets you say of whom nodes read.

The nodes themselves are asked, so it works without any server too, as long as this computer has asked one before.`,
		Example: `  viver field status              may the seed go?
  viver field map pc07            where does the root of pc07 come from?
  viver field top                 who reads how much from whom?
  viver field drain pc07          pc07 is about to be opened
  viver field prefer seed2 4      seed2 has the faster line`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, sub := range []*cobra.Command{a.fieldStatusCommand(), a.fieldMapCommand(), a.fieldTopCommand(), a.fieldDrainCommand(), a.fieldPreferCommand()} {
		if strings.Contains(sub.Use, "NODE") {
			sub.ValidArgsFunction = first(a.nodeNames)
		}
		cmd.AddCommand(sub)
	}
	return cmd
}

// joinedNodes finds the machines that have joined; there is at least one. Servers that do not answer are only told of: nodes live on
// without them.
func (a *app) joinedNodes(ctx context.Context, f *fleet.Fleet) ([]spec.Machine, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	machines, err := a.machines(ctx, f)
	joined := fleet.Joined(machines)
	switch {
	case len(joined) == 0 && err != nil:
		return nil, err
	case len(joined) == 0:
		return nil, errors.New("field: no node has joined: viver nodes shows where the machines are in their boot")
	case err != nil:
		a.warn(err)
	}
	return joined, nil
}

// warn tells of what a command can do without.
func (a *app) warn(err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(a.errors, "Warning:", line)
	}
}

// joinedNode finds one that has joined.
func (a *app) joinedNode(ctx context.Context, f *fleet.Fleet, name string) (spec.Machine, error) {
	machines, err := a.joinedNodes(ctx, f)
	if err != nil {
		return spec.Machine{}, err
	}
	m, ok := find(machines, name)
	if !ok {
		return m, fmt.Errorf("field: no node %s has joined: viver nodes lists the machines and how far they are", name)
	}
	return m, nil
}

// short is as much of an image's ID as a person needs.
func short(id spec.Digest) string { return string(id[:min(len(id), len("sha256:")+12)]) }
