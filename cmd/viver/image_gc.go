package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"viver/planner/state"
	"viver/providers/fleet"
)

// collection says which images are to be removed, and how.
type collection struct {
	dry, approved, keepCache bool
	age                      time.Duration // younger ones stay
}

func (a *app) collectImagesCommand() *cobra.Command {
	var c collection
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove images that nothing needs",
		Long: `gc removes, on all servers, images that nothing needs: no node boots them, no machine runs them, no unit serves them, and the state does not
name them. It removes from the cache of this machine those that neither the state nor any server needs. That cache serves all
configurations on this machine: what another one needs of it is built again by its next apply. --keep-cache leaves it alone.

It shows what would go and how much that is, and asks before it begins. While a server does not answer, its images and the cache stay; while a
machine is between its kernel and its root, the images of all servers do. Exit codes: 0 success, also if there was nothing to remove; 1 error,
or something could not be looked at or removed.`,
		Example: `  viver image gc --dry-run            what would go?
  viver image gc                      remove it, after asking
  viver image gc --keep-cache --auto-approve
  viver image gc --older-than 720h    former images of the last 30 days stay
  viver image gc --auto-approve --json | jq .freed_bytes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.collectImages(cmd, c) },
	}
	cmd.Flags().BoolVar(&c.dry, "dry-run", false, "only say what would be done")
	cmd.Flags().BoolVar(&c.approved, "auto-approve", false, "do not ask")
	cmd.Flags().BoolVar(&c.keepCache, "keep-cache", false, "leave the cache of this machine alone")
	cmd.Flags().DurationVar(&c.age, "older-than", 10*time.Minute, "leave images alone that came later than this (a `duration`) ago")
	return cmd
}

// collectImages looks at all with the state locked: whoever applies meanwhile may be about to need an image that nothing needs yet.
func (a *app) collectImages(cmd *cobra.Command, c collection) error {
	p, ctx := a.open(), cmd.Context()
	s, err := p.remembered(ctx)
	if err != nil {
		return err
	}
	if len(s.Instances) == 0 {
		return errors.New("image gc: nothing is remembered here, so it is not known what is needed: run it in the folder of a configuration that was applied, or name that with -C")
	}
	if c.dry {
		return a.collect(ctx, s, c)
	}
	return p.withState(ctx, cmd.CommandPath(), func(w state.Writer) error { return a.collect(ctx, w.State(), c) })
}

func (a *app) collect(ctx context.Context, s *state.State, c collection) error {
	g := garbage{app: a, collection: c, needed: imagesIn(s)}
	trouble := g.find(ctx, serversIn(s))
	if !a.json {
		if err := g.show(); err != nil {
			return errors.Join(err, trouble)
		}
	}
	removed := g.images
	if len(removed) > 0 && !c.dry {
		if !c.approved {
			if err := a.agree("Remove them?", "the images"); err != nil {
				return errors.Join(err, trouble)
			}
		}
		var err error
		removed, err = g.remove(ctx)
		trouble = errors.Join(trouble, err)
	}
	return errors.Join(a.printCollected(c, removed), trouble)
}

// collected is what gc did, or would do.
type collected struct {
	DryRun bool          `json:"dry_run"`
	Images []fleet.Image `json:"images"` // those without a server are in the cache of this machine
	Freed  int64         `json:"freed_bytes"`
}

func (a *app) printCollected(c collection, images []fleet.Image) error {
	done := collected{DryRun: c.dry, Images: append([]fleet.Image{}, images...)}
	for _, i := range images {
		done.Freed += i.Bytes
	}
	switch {
	case a.json:
		return a.printJSON(done)
	case c.dry && len(images) > 0:
		fmt.Fprintf(a.out, "\nviver image gc would free %s.\n", megabytes(done.Freed))
	case len(images) > 0:
		fmt.Fprintf(a.out, "Freed %s.\n", megabytes(done.Freed))
	}
	return nil
}
