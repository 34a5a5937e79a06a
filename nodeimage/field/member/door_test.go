package member_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/field/door"
	"viver/nodeimage/field/member"
	"viver/nodeimage/spec"
)

// behind serves a member at a socket, and returns what asks it there.
func (w *world) behind(m *member.Member) door.Client {
	w.t.Helper()
	dir, err := os.MkdirTemp("", "member") // a socket's path must be short
	check(w.t, err)
	w.t.Cleanup(func() { os.RemoveAll(dir) })
	c := door.Client{Path: filepath.Join(dir, "field.sock")}
	served := make(chan error, 1)
	go func() { served <- door.Serve(w.t.Context(), c.Path, door.Of(m.Field, m.Leave), nil) }()
	w.t.Cleanup(func() { check(w.t, <-served) })
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if _, err := c.Status(); !errors.Is(err, door.ErrNoMember) {
			check(w.t, err)
			return c
		}
		select {
		case <-w.t.Context().Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	w.t.Fatal("the door does not open")
	return c
}

// TestThroughTheDoor asks real members from outside of their process' memory, so to say.
func TestThroughTheDoor(t *testing.T) {
	w := newWorld(t, 4)
	first, second := w.start("pc1", w.hint), w.start("pc2", w.hint)
	c := w.behind(first)
	for _, m := range []*member.Member{first, second} {
		w.until(m, "both hold their shares", func(s field.Status) bool { return s.SeedMayGo })
	}
	s, err := c.Status()
	check(t, err)
	if s.Self.Name != "pc1" || !s.SeedMayGo || len(s.Members) != 2 || len(s.Images) != 1 || s.Images[0].Missing != 0 {
		t.Errorf("%+v", s)
	}
	ranges, err := c.Map(w.id)
	check(t, err)
	if len(ranges) == 0 || ranges[0].State != "share" {
		t.Errorf("%+v", ranges)
	}
	if _, err := c.Map("sha256:2"); err == nil {
		t.Error("there is a map of an image that nobody has")
	}
	check(t, c.Pin([]spec.Pin{{Image: w.id, Length: spec.ChunkSize, Members: []string{"pc2"}}}))
	check(t, errors.Join(c.Drain("pc2", true), c.Prefer("seed", 2)))
	s, err = c.Status()
	check(t, err)
	if s.Members[0].Name != "pc2" || !s.Members[0].Drained || s.Members[1].Preferred != 2 {
		t.Errorf("%+v", s.Members)
	}
	if err := c.Prefer("pc2", -1); err == nil {
		t.Error("a factor below 0 was taken")
	}
	check(t, c.Leave(t.Context(), false))
}

// TestTheLastOneSaysSo has the refusal be known for what it is behind the door.
func TestTheLastOneSaysSo(t *testing.T) {
	w := newWorld(t, 4)
	m := w.start("pc1", w.hint)
	check(t, m.Field.Image(w.id).ReadAt(t.Context(), make([]byte, len(w.data)), 0))
	w.stopSeed()
	w.until(m, "the seed has said goodbye", func(s field.Status) bool { return len(s.Members) == 0 })
	c := w.behind(m)
	if err := c.Leave(t.Context(), false); !errors.Is(err, field.ErrLast) || m.Self().Leaving {
		t.Errorf("it leaves: %v", err)
	}
	check(t, c.Leave(t.Context(), true))
}
