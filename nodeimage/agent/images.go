package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
)

// putImage reads the payload into the store. One that is there already is read all the same: the operator is sending it.
func (s *server) putImage(_ context.Context, c *call) (any, error) {
	m := new(spec.Manifest)
	if err := spec.Decode(c.args, m); err != nil {
		return nil, err
	}
	draft, err := s.images.Create(m)
	if errors.Is(err, fs.ErrExist) {
		_, err := io.CopyN(io.Discard, c.payload, m.Size())
		return nothing{}, err
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = draft.Abort() }() // what it cannot remove, the next agent does
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if err := draft.Write(name, io.LimitReader(c.payload, m.Files[name].Size)); err != nil {
			return nil, err
		}
	}
	if err := draft.Write(imagestore.FileRoot, io.LimitReader(c.payload, m.Root.Size)); err != nil {
		return nil, err
	}
	if err := draft.Commit(); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return nothing{}, nil
}

// listImages returns what the store has. Whoever asks is about to rely on it: former images stay for a while yet.
func (s *server) listImages(context.Context, *call) (any, error) {
	s.former.keep()
	ids, err := s.images.List()
	if err != nil {
		return nil, err
	}
	all := []spec.StoredImage{}
	for _, id := range ids {
		info, err := s.images.Stat(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, spec.StoredImage{ID: id, Bytes: info.Bytes, Added: info.Added, Users: s.usersOf(id)})
	}
	return all, nil
}

// usersOf returns what an image is needed for.
func (s *server) usersOf(id spec.Digest) []string {
	users := s.roster.UsersOf(id)
	for _, u := range s.units.Specs() {
		if bytes.Contains(u.Config, []byte(id)) {
			users = append(users, u.Name)
		}
	}
	return users
}

// removeImage takes an image away, later if it is in use. One that is not there is no error.
func (s *server) removeImage(_ context.Context, c *call) (any, error) {
	var n spec.Named
	if err := spec.Decode(c.args, &n); err != nil {
		return nil, err
	}
	id := spec.Digest(n.Name)
	if user := s.roster.UserOf(id); user != "" {
		s.former.release(id)
		c.progress(fmt.Sprintf("image %s is in use by %s: it goes when no machine uses it any more", id, user))
		return nothing{}, nil
	}
	if err := s.images.Remove(id); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nothing{}, nil
}
