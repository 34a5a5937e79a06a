package station

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"viver/nodeimage/field/door"
	"viver/nodeimage/spec"
)

// shelf is the images that the machine holds for others beside its own, whatever member it is at present. There are as many as a member
// takes at most.
type shelf struct {
	mu        sync.Mutex // guards the rest, and is held while a member takes images or drops them
	manifests map[spec.Digest][]byte
}

// stock has a new member hold them.
func (s *shelf) stock(m door.Member) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.manifests)) {
		err = errors.Join(err, m.Hold(s.manifests[id]))
	}
	return err
}

// shelved is a member of which the next one holds what this one was told to hold.
type shelved struct {
	door.Member
	shelf *shelf
}

// Hold is that of the member.
func (m shelved) Hold(manifest []byte) error {
	m.shelf.mu.Lock()
	defer m.shelf.mu.Unlock()
	if err := m.Member.Hold(manifest); err != nil {
		return err
	}
	if m.shelf.manifests == nil {
		m.shelf.manifests = make(map[spec.Digest][]byte)
	}
	m.shelf.manifests[spec.DigestOf(manifest)] = manifest
	return nil
}

// Drop is that of the member.
func (m shelved) Drop(image spec.Digest) error {
	m.shelf.mu.Lock()
	defer m.shelf.mu.Unlock()
	if err := m.Member.Drop(image); err != nil {
		return err
	}
	delete(m.shelf.manifests, image)
	return nil
}
