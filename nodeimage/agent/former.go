package agent

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"viver/nodeimage/spec"
)

const (
	// collectEvery is how often former images are looked for.
	collectEvery = time.Minute
	// idleTime is how long an image must have had no user before it goes: an operator may be between copying and using it, a machine
	// between loading its kernel and saying so.
	idleTime = 10 * time.Minute
)

// former are the images of a server that nobody uses. The newest of them stays, so that going back to it is quick; the others are
// removed. A unit that has one open serves it until it is started again; the disk has its room back then. It is safe for concurrent use.
type former struct {
	mu       sync.Mutex // guards the rest, and is held while images are removed
	since    map[spec.Digest]time.Time
	unwanted map[spec.Digest]bool // removed by an operator while somebody used them
}

// keep lets all of them stay for a while yet, whatever was said before.
func (f *former) keep() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since, f.unwanted = nil, nil
}

// release lets an image go as soon as nobody uses it, also if it is the newest.
func (f *former) release(id spec.Digest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unwanted == nil {
		f.unwanted = map[spec.Digest]bool{}
	}
	f.unwanted[id] = true
}

// collectImages removes former images now and then, until ctx ends.
func (s *server) collectImages(ctx context.Context) {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if err := s.collect(now); err != nil && s.config.Log != nil {
				s.config.Log.Error("former images cannot be removed", "error", err)
			}
		}
	}
}

// collect removes the former images that nobody has used for idleTime.
func (s *server) collect(now time.Time) error {
	s.former.mu.Lock()
	defer s.former.mu.Unlock()
	ids, err := s.images.List()
	if err != nil {
		return err
	}
	idle := s.former.idle(slices.DeleteFunc(ids, func(id spec.Digest) bool { return len(s.usersOf(id)) > 0 }), now)
	slices.SortFunc(idle, func(a, b spec.Digest) int { return cmp.Or(s.added(b).Compare(s.added(a)), cmp.Compare(a, b)) })
	for i, id := range idle {
		if i == 0 && !s.former.unwanted[id] || now.Sub(s.former.since[id]) < idleTime {
			continue
		}
		if removeErr := s.images.Remove(id); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
			continue
		}
		delete(s.former.unwanted, id)
		if s.config.Log != nil {
			s.config.Log.Info("a former image was removed", "image", id)
		}
	}
	return err
}

// idle notes which images have no user now, and returns them; f.mu is held.
func (f *former) idle(ids []spec.Digest, now time.Time) []spec.Digest {
	since := map[spec.Digest]time.Time{}
	for _, id := range ids {
		since[id] = now
		if before, ok := f.since[id]; ok {
			since[id] = before
		}
	}
	f.since = since
	return ids
}

// added returns when an image came; zero if it is gone.
func (s *server) added(id spec.Digest) time.Time {
	info, _ := s.images.Stat(id)
	return info.Added
}
