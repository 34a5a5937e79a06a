package peer_test

import (
	"testing"

	"viver/nodeimage/field"
	"viver/nodeimage/field/peer"
	"viver/nodeimage/spec"
)

// TestDroppedImageComesBack has a connection that was made before the image was dropped be of use when it is there again.
func TestDroppedImageComesBack(t *testing.T) {
	id, root, data := makeImage(2)
	m := start(t, "pc1", nil, id, root)
	defer m.stop()
	link, err := (&peer.Dialer{}).Dial(t.Context(), m.member, func(field.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	read := func() error { return link.Read(t.Context(), id, 0, make([]byte, spec.ChunkSize)) }
	adopt := func() {
		t.Helper()
		if err := m.field.Image(id).Adopt(0, data[:spec.ChunkSize]); err != nil {
			t.Fatal(err)
		}
	}
	adopt()
	if err := read(); err != nil {
		t.Error(err)
	}
	if err := m.field.Remove(id); err != nil {
		t.Fatal(err)
	}
	if err := read(); err == nil {
		t.Error("an image was read that was dropped")
	}
	if _, err := m.field.Add(id, root); err != nil {
		t.Fatal(err)
	}
	adopt()
	if err := read(); err != nil {
		t.Errorf("the image is there again: %v", err)
	}
}
