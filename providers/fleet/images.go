package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"viver/nodeimage/spec"
	"viver/providers/agents"
)

// Image is an image that a server has.
type Image struct {
	Server string `json:"server"` // its name
	spec.StoredImage
}

// Images asks all servers at once for their images, and returns them by server, the latest first. Servers that do not answer make an
// error, which comes beside what the others said.
func (f *Fleet) Images(ctx context.Context, servers []agents.Server) ([]Image, error) {
	answers, errs := askAll[[]spec.StoredImage](ctx, f, servers, spec.OpImageList, nil)
	var all []Image
	for i, images := range answers {
		slices.SortFunc(images, func(a, b spec.StoredImage) int { return cmp.Or(b.Added.Compare(a.Added), cmp.Compare(a.ID, b.ID)) })
		for _, image := range images {
			all = append(all, Image{servers[i].Name, image})
		}
	}
	return all, errors.Join(errs...)
}

// RemoveImages removes images from the servers that they are on, on all servers at once. It returns those that are gone, by server, and says
// which could not be removed.
func (f *Fleet) RemoveImages(ctx context.Context, servers []agents.Server, images []Image) ([]Image, error) {
	gone, errs := make([][]Image, len(servers)), make([]error, len(servers))
	var removing sync.WaitGroup
	for i, s := range servers {
		removing.Go(func() { gone[i], errs[i] = f.removeImages(ctx, s, images) })
	}
	removing.Wait()
	return slices.Concat(gone...), errors.Join(errs...)
}

// removeImages removes those that are on one server.
func (f *Fleet) removeImages(ctx context.Context, s agents.Server, images []Image) (gone []Image, err error) {
	images = slices.DeleteFunc(slices.Clone(images), func(i Image) bool { return i.Server != s.Name })
	if len(images) == 0 {
		return nil, nil
	}
	client, err := f.Agents.Server(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", s.Name, err)
	}
	for _, i := range images {
		var stays string // why, if it came into use meanwhile
		_, callErr := client.Call(ctx, spec.OpImageRemove, spec.Named{Name: string(i.ID)}, nil, func(r spec.Reply) { stays = r.Progress })
		switch {
		case callErr != nil:
			err = errors.Join(err, fmt.Errorf("server %s: %w", s.Name, callErr))
		case stays != "":
			err = errors.Join(err, fmt.Errorf("server %s: %s", s.Name, stays))
		default:
			gone = append(gone, i)
		}
	}
	return gone, err
}
