package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"viver/nodeimage/field"
	"viver/nodeimage/field/door"
	"viver/nodeimage/spec"
)

// holder is a member that holds what it is told to.
type holder struct {
	noField
	held chan spec.Digest // gets what it was told to hold; nil: nobody waits for that

	mu     sync.Mutex // guards the rest
	absent bool
	status field.Status
}

// newHolder runs an image.
func newHolder(own spec.Digest) *holder {
	return &holder{status: field.Status{Self: field.Member{Runs: own}, Images: []field.ImageStatus{{ID: own, InUse: true}}}}
}

func (h *holder) Status() (field.Status, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.absent {
		return field.Status{}, door.ErrNoMember
	}
	s := h.status
	s.Images = slices.Clone(s.Images)
	return s, nil
}

func (h *holder) Hold(manifest []byte) error {
	id := spec.DigestOf(manifest)
	if _, err := spec.DecodeManifest(manifest, id); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status.Images = append(h.status.Images, field.ImageStatus{ID: id})
	if h.held != nil {
		h.held <- id
	}
	return nil
}

func (h *holder) Drop(id spec.Digest) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status.Images = slices.DeleteFunc(h.status.Images, func(i field.ImageStatus) bool { return i.ID == id })
	return nil
}

func (h *holder) images() (ids []spec.Digest) {
	for _, i := range h.status.Images {
		ids = append(ids, i.ID)
	}
	return ids
}

// shelves are servers with images, by name; their addresses are their names.
type shelves struct {
	lists     map[string][]spec.Digest
	manifests map[spec.Digest][]byte
	fetched   int
}

func (s *shelves) Images(_ context.Context, server string) (*spec.ReportResponse, error) {
	list, ok := s.lists[server]
	if !ok {
		return nil, errors.New("it is silent")
	}
	return &spec.ReportResponse{Server: server, Images: list}, nil
}

func (s *shelves) Manifest(_ context.Context, id spec.Digest) ([]byte, error) {
	s.fetched++
	data, ok := s.manifests[id]
	if !ok {
		return nil, fmt.Errorf("no server gives the manifest of image %s", id)
	}
	return data, nil
}

// print makes an image.
func (s *shelves) print(t *testing.T, name string) spec.Digest {
	t.Helper()
	m, _, _ := image()
	m.Distribution = name
	data, id, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s.manifests[id] = data
	return id
}

// spreading is a machine that runs the image "own", in a cluster whose bundle names servers.
func spreading(t *testing.T, servers ...string) (*spreader, *shelves, *holder) {
	shelves := &shelves{lists: make(map[string][]spec.Digest), manifests: make(map[spec.Digest][]byte)}
	own := shelves.print(t, "own")
	bundle := &spec.Bundle{}
	for _, name := range servers {
		bundle.Servers = append(bundle.Servers, spec.Server{Name: name, Join: name})
	}
	h := newHolder(own)
	s := newSpreader(NodeConfig{Bundle: bundle, Field: h}, slog.New(slog.DiscardHandler))
	s.library = shelves
	return s, shelves, h
}

// after checks which images the member has, beside the first, after a server has answered to a report.
func (s *spreader) after(t *testing.T, server string, listed []spec.Digest, want ...spec.Digest) {
	t.Helper()
	if err := s.round(t.Context(), &spec.ReportResponse{Server: server, Images: listed}); err != nil {
		t.Error(err)
	}
	if got := s.member.(*holder).images(); !slices.Equal(got[1:], want) {
		t.Errorf("beside its own it has %v; %v were expected", got[1:], want)
	}
}

func TestListedImagesAreHeldUntilNoServerHasThem(t *testing.T) {
	s, shelves, h := spreading(t, "seed")
	own, next := h.images()[0], shelves.print(t, "next")
	h.absent = true
	s.after(t, "seed", []spec.Digest{next, own})
	h.absent = false
	s.after(t, "seed", []spec.Digest{next, own}, next)
	s.after(t, "seed", []spec.Digest{own}, next)
	s.after(t, "seed", []spec.Digest{next}, next) // it is listed again: the count begins anew
	s.after(t, "seed", nil, next)
	s.after(t, "seed", nil) // twice in a row; its own stays
	if shelves.fetched != 1 {
		t.Errorf("manifests were fetched %d times", shelves.fetched)
	}
}

func TestImageIsKeptUntilAllServersHaveBeenHeard(t *testing.T) {
	s, shelves, h := spreading(t, "seed", "other")
	own, next, third := h.images()[0], shelves.print(t, "next"), shelves.print(t, "third")
	s.after(t, "seed", []spec.Digest{own, next}, next)
	for range 3 {
		s.after(t, "seed", []spec.Digest{own}, next)
	}
	shelves.lists["other"] = []spec.Digest{third, next}
	s.after(t, "seed", []spec.Digest{own}, next, third)
	delete(shelves.lists, "other") // what it said last stands
	for range 3 {
		s.after(t, "seed", []spec.Digest{own}, next, third)
	}
	s.after(t, "other", []spec.Digest{third}, next, third)
	s.after(t, "other", []spec.Digest{third}, third)
}

func TestImageThatAnotherRunsIsKept(t *testing.T) {
	s, shelves, h := spreading(t, "seed")
	next := shelves.print(t, "next")
	s.after(t, "seed", []spec.Digest{next}, next)
	h.status.Members = []field.MemberStatus{{Member: field.Member{Name: "pc07", Runs: next}}}
	for range 3 {
		s.after(t, "seed", nil, next)
	}
	h.status.Members = nil
	s.after(t, "seed", nil, next)
	s.after(t, "seed", nil)
}

func TestNoMoreImagesThanAMemberTakes(t *testing.T) {
	s, shelves, h := spreading(t, "seed")
	var list []spec.Digest
	for n := range maxListed + 10 {
		list = append(list, shelves.print(t, fmt.Sprint(n)))
	}
	s.after(t, "seed", list, list[:field.MaxImages-1]...)
	if shelves.fetched != field.MaxImages-1 || len(s.lists["seed"]) != maxListed {
		t.Errorf("%d manifests were fetched, %d images noted", shelves.fetched, len(s.lists["seed"]))
	}
	h.status.Images = h.status.Images[:1]
	list = []spec.Digest{"sha256:gone", list[0]}
	err := s.round(t.Context(), &spec.ReportResponse{Server: "seed", Images: list})
	if err == nil || !strings.Contains(err.Error(), "sha256:gone") || !slices.Contains(h.images(), list[1]) {
		t.Errorf("one that cannot be had keeps others away: %v, %v", h.images(), err)
	}
}

// TestNodeHoldsWhatTheServerHas goes from an image that an operator sends to the member of a machine.
func TestNodeHoldsWhatTheServerHas(t *testing.T) {
	w := newWorld(t)
	m, id, payload := image()
	if _, err := ask(t, w.operator, spec.OpImagePut, m, nil, payload); err != nil {
		t.Fatal(err)
	}
	b := w.boot(t)
	member := newHolder(spec.DigestOf([]byte("own")))
	member.held = make(chan spec.Digest, 1)
	b.config.Field = member
	b.run(t, t.Context())
	if got := <-member.held; got != id {
		t.Errorf("it holds %s", got)
	}
	list, err := b.config.Client.Images(t.Context(), w.joinAddr)
	if err != nil || list.Server != "seed" || !slices.Equal(list.Images, []spec.Digest{id}) {
		t.Errorf("the server has %+v, %v", list, err)
	}
}

func TestServerGivesOnlyManifests(t *testing.T) {
	w := newWorld(t)
	m, id, payload := image()
	if _, err := ask(t, w.operator, spec.OpImagePut, m, nil, payload); err != nil {
		t.Fatal(err)
	}
	b := w.machine(t, testMAC)
	data, err := b.config.Client.Manifest(t.Context(), id)
	if want, _ := json.Marshal(m); err != nil || string(data) != string(want) {
		t.Errorf("%s, %v", data, err)
	}
	for image, want := range map[spec.Digest]int{
		spec.DigestOf(nil): http.StatusNotFound, "": http.StatusBadRequest, "sha256:../../identity": http.StatusBadRequest,
	} {
		if _, err := b.config.Client.Manifest(t.Context(), image); err == nil || !strings.Contains(err.Error(), fmt.Sprint(want)) {
			t.Errorf("image %q: %v", image, err)
		}
	}
}

// FuzzSpread has the member hold no more than it takes, and never drop its own image, whatever servers say.
func FuzzSpread(f *testing.F) {
	f.Add([]byte{0, 1, 2, 9}, []byte{1}, []byte{})
	f.Fuzz(func(t *testing.T, first, second, third []byte) {
		s, shelves, h := spreading(t, "seed")
		own := h.images()[0]
		var known []spec.Digest
		for n := range 4 {
			known = append(known, shelves.print(t, fmt.Sprint(n)))
		}
		for _, list := range [][]byte{first, second, third, third} {
			r := &spec.ReportResponse{Server: "seed"}
			for _, b := range list {
				r.Images = append(r.Images, known[int(b)%len(known)])
			}
			if err := s.round(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		want := map[spec.Digest]bool{own: true}
		for _, id := range s.lists["seed"] {
			want[id] = true
		}
		got := h.images()
		slices.Sort(got)
		if !slices.Equal(got, slices.Sorted(maps.Keys(want))) || len(slices.Compact(got)) != len(want) {
			t.Errorf("it has %v, the server %v", got, s.lists["seed"])
		}
	})
}
