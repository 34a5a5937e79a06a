package fleet

import (
	"cmp"
	"context"
	"errors"
	"slices"

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
