package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// unlistedRounds is how many reports in a row must have been answered without an image until it is dropped.
const unlistedRounds = 2

// hold has the member hold what servers have, those images first that one has just told of, as far as it takes more.
func (s *spreader) hold(ctx context.Context, status field.Status, latest []spec.Digest) (err error) {
	there := make(map[spec.Digest]bool)
	for _, i := range status.Images {
		there[i.ID] = true
	}
	for _, id := range slices.Concat(latest[:min(len(latest), maxListed)], s.listed()) {
		if there[id] || len(there) >= field.MaxImages {
			continue
		}
		there[id] = true
		manifest, failed := s.library.Manifest(ctx, id)
		if failed == nil {
			failed = s.member.Hold(manifest)
		}
		if failed == nil {
			s.log.Info("this machine holds its share of another image", "image", id)
		}
		err = errors.Join(err, failed)
	}
	return err
}

// listed returns what all servers have.
func (s *spreader) listed() (all []spec.Digest) {
	for _, list := range s.lists {
		all = append(all, list...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// drop has the member drop what has been without a user and on no server's list for long enough.
func (s *spreader) drop(status field.Status) (err error) {
	rounds, listed := make(map[spec.Digest]int), s.listed()
	for _, i := range status.Images {
		if !i.InUse && !runs(status, i.ID) && !slices.Contains(listed, i.ID) && s.heardAll() {
			rounds[i.ID] = s.unlisted[i.ID] + 1
		}
	}
	s.unlisted = rounds
	for id, n := range rounds {
		if n < unlistedRounds {
			continue
		}
		if failed := s.member.Drop(id); failed != nil {
			err = errors.Join(err, fmt.Errorf("drop image %s: %w", id, failed))
			continue
		}
		s.log.Info("this machine has dropped an image that no server has any more", "image", id)
	}
	return err
}

// runs reports whether any member is known to run an image.
func runs(s field.Status, id spec.Digest) bool {
	return s.Self.Runs == id || slices.ContainsFunc(s.Members, func(m field.MemberStatus) bool { return m.Runs == id })
}

// heardAll reports whether all servers of the bundle have said in this boot what they have.
func (s *spreader) heardAll() bool {
	return !slices.ContainsFunc(s.servers, func(server spec.Server) bool {
		_, heard := s.lists[server.Name]
		return server.Join != "" && !heard
	})
}
