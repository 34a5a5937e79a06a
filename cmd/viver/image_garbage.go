package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/state"
	"viver/providers"
	"viver/providers/agents"
	"viver/providers/fleet"
)

// Times of a collection: servers' answers, removals, and how long a machine may be between its kernel and its root.
const (
	askImages    = 20 * time.Second
	removeImages = 2 * time.Minute
	loadsRoot    = 10 * time.Minute
)

// garbage are images that nothing needs.
type garbage struct {
	*app
	collection
	needed  map[spec.Digest]bool // by the state, then by servers too
	servers []agents.Server
	images  []fleet.Image // those without a server are in the cache of this machine
}

// imagesIn returns the IDs of all images that a state speaks of, wherever they stand in it.
func imagesIn(s *state.State) map[spec.Digest]bool {
	found := map[spec.Digest]bool{}
	note := func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			if id := spec.Digest(v.AsString()); isImage(id) {
				found[id] = true
			}
		}
		return true, nil
	}
	for _, i := range s.Instances {
		for _, v := range append(slices.Collect(maps.Values(i.Computed)), i.Inputs) {
			if v != cty.NilVal {
				_ = cty.Walk(v, note) // it has no errors
			}
		}
	}
	return found
}

func isImage(id spec.Digest) bool {
	_, err := id.Hex()
	return err == nil
}

// find looks at the servers and at the cache. Its error says what could not be looked at; that stays as it is.
func (g *garbage) find(ctx context.Context, servers []agents.Server) error {
	ctx, cancel := context.WithTimeout(ctx, askImages)
	defer cancel()
	g.servers = servers
	trouble := g.findOnServers(ctx)
	if g.keepCache {
		return trouble
	}
	if trouble != nil {
		return errors.Join(trouble, errors.New("the cache of this machine stays as it is: it is not known what these servers need"))
	}
	return g.findInCache()
}

func (g *garbage) findOnServers(ctx context.Context) error {
	if len(g.servers) == 0 {
		return nil
	}
	all, err := g.fleet().Images(ctx, g.servers)
	for _, i := range all {
		if len(i.Users) > 0 {
			g.needed[i.ID] = true
		}
	}
	answered := slices.DeleteFunc(slices.Clone(g.servers), func(s agents.Server) bool {
		return !slices.ContainsFunc(all, func(i fleet.Image) bool { return i.Server == s.Name })
	})
	machines, machinesErr := g.fleet().Machines(ctx, answered)
	if machinesErr != nil {
		return errors.Join(err, machinesErr)
	}
	if name := loading(machines, time.Now()); name != "" {
		return errors.Join(err, fmt.Errorf("%s loads its kernel, and may need any image: run viver image gc again when it has its root", name))
	}
	g.take(all)
	return err
}

// loading returns a machine that was sent a kernel, and has not said yet which image that is of; "" if there is none.
func loading(machines []spec.Machine, now time.Time) string {
	for _, m := range machines {
		if m.Stage() == spec.StageKernel && m.BootID == "" && now.Sub(m.LastSeen) < loadsRoot {
			return cmp.Or(m.Node, m.MAC)
		}
	}
	return ""
}

func (g *garbage) findInCache() error {
	store, err := providers.Images()
	if err != nil {
		return err
	}
	ids, err := store.List()
	if err != nil {
		return err
	}
	var all []fleet.Image
	for _, id := range ids {
		info, statErr := store.Stat(id)
		err = errors.Join(err, statErr)
		if statErr == nil {
			all = append(all, fleet.Image{StoredImage: spec.StoredImage{ID: id, Bytes: info.Bytes, Added: info.Added}})
		}
	}
	g.take(all)
	return err
}

// take adds those that nothing needs.
func (g *garbage) take(images []fleet.Image) {
	for _, i := range images {
		if len(i.Users) == 0 && !g.needed[i.ID] && time.Since(i.Added) >= g.age {
			g.images = append(g.images, i)
		}
	}
}

func (g *garbage) show() error {
	if len(g.images) == 0 {
		fmt.Fprintln(g.out, "There is no image that nothing needs.")
		return nil
	}
	return printImages(g.out, g.images, time.Now())
}

// remove returns the images that are gone.
func (g *garbage) remove(ctx context.Context) ([]fleet.Image, error) {
	ctx, cancel := context.WithTimeout(ctx, removeImages)
	defer cancel()
	local := func(i fleet.Image) bool { return i.Server == "" }
	removed, err := g.fleet().RemoveImages(ctx, g.servers, slices.DeleteFunc(slices.Clone(g.images), local))
	store, storeErr := providers.Images()
	for _, i := range g.images {
		if !local(i) || storeErr != nil {
			continue
		}
		if removeErr := store.Remove(i.ID); removeErr != nil {
			err = errors.Join(err, removeErr)
			continue
		}
		removed = append(removed, i)
	}
	return removed, errors.Join(err, storeErr)
}
