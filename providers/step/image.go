package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/object"
)

// image copies an image to the server, or takes it away there.
func (s *session) image(ctx context.Context, number int, m resource.Member) (map[string]cty.Value, error) {
	id := spec.Digest(object.String(m.Config, "image", "id"))
	if m.Action == resource.Delete {
		id = spec.Digest(object.String(m.Prior, "id"))
		if id == "" {
			return nil, nil
		}
		_, err := s.client.Call(ctx, spec.OpImageRemove, spec.Named{Name: string(id)}, nil, func(r spec.Reply) {
			s.report(number, resource.Progress{Detail: r.Progress})
		})
		return nil, err
	}
	computed := map[string]cty.Value{"id": cty.StringVal(string(id))}
	var there []spec.StoredImage
	if err := s.client.Do(ctx, spec.OpImageList, nil, &there); err != nil {
		return nil, err
	}
	if has(there, id) {
		return computed, nil
	}
	store, err := s.Images()
	if err != nil {
		return nil, err
	}
	manifest, err := store.Manifest(id)
	if err != nil {
		return nil, err
	}
	payload, err := openPayload(store, id, manifest)
	if err != nil {
		return nil, err
	}
	defer payload.Close()
	payload.tell = func(sent, size int64) {
		s.report(number, resource.Progress{Detail: fmt.Sprintf("copied %d of %d MB", sent/1e6, (size+999_999)/1e6)})
	}
	_, err = s.client.Call(ctx, spec.OpImagePut, manifest, payload, nil)
	return computed, err
}

func has(there []spec.StoredImage, id spec.Digest) bool {
	return slices.ContainsFunc(there, func(i spec.StoredImage) bool { return i.ID == id })
}

// payload is the files of an image behind one another, as image.put wants them.
type payload struct {
	io.Reader
	files      []*os.File
	sent, size int64 // bytes
	told       int64
	tell       func(sent, size int64)
}

func openPayload(store *imagestore.Store, id spec.Digest, m *spec.Manifest) (*payload, error) {
	p := &payload{size: m.Size()}
	var parts []io.Reader
	for _, name := range append(slices.Sorted(maps.Keys(m.Files)), imagestore.FileRoot) {
		path, err := store.Path(id, name)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.files, parts = append(p.files, f), append(parts, f)
	}
	p.Reader = io.MultiReader(parts...)
	return p, nil
}

// Read tells how far it is, each twentieth.
func (p *payload) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.sent += int64(n)
	if p.sent-p.told >= p.size/20 && p.tell != nil {
		p.told = p.sent
		p.tell(p.sent, p.size)
	}
	return n, err
}

// Close closes the files.
func (p *payload) Close() error {
	var all error
	for _, f := range p.files {
		all = errors.Join(all, f.Close())
	}
	return all
}
