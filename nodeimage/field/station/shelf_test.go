package station_test

import (
	"net/netip"
	"strings"
	"testing"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// manifest is that of another image, with the bytes of the seed's.
func (w *world) manifest() (data []byte, id spec.Digest) {
	w.t.Helper()
	file := spec.File{Size: 1, SHA256: spec.DigestOf(nil)}
	data, id, err := (&spec.Manifest{Version: 1, Root: w.root, Files: map[string]spec.File{"vmlinuz": file, "initrd": file}}).Encode()
	check(w.t, err)
	return data, id
}

// images returns what the machine's member says of images by ID.
func (n *node) images() map[spec.Digest]field.ImageStatus {
	n.w.t.Helper()
	s, err := n.door.Status()
	check(n.w.t, err)
	all := make(map[spec.Digest]field.ImageStatus)
	for _, i := range s.Images {
		all[i.ID] = i
	}
	return all
}

// What a machine holds for others it holds also as the next member, and until it is told to drop it. Its own image it keeps.
func TestOtherImages(t *testing.T) {
	w := newWorld(t, 12)
	n := w.node("pc01", "127.77.2.2")
	<-n.ready
	manifest, id := w.manifest()
	if err := n.door.Hold([]byte("{}")); err == nil {
		t.Error("something that is no manifest was taken")
	}
	check(t, n.door.Hold(manifest))
	if images := n.images(); len(images) != 2 || images[id].InUse || !images[w.image].InUse {
		t.Errorf("it takes part in %+v", images)
	}
	n.Move(netip.MustParseAddr("127.77.2.3"))
	<-n.gone
	<-n.ready
	if images := n.images(); len(images) != 2 || images[id].Chunks != 12 {
		t.Errorf("at another address it takes part in %+v", images)
	}
	if err := n.door.Drop(w.image); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("the image that it runs was dropped: %v", err)
	}
	check(t, n.door.Drop(id))
	n.name("pc07")
	<-n.gone
	<-n.ready
	if images := n.images(); len(images) != 1 {
		t.Errorf("what was dropped came back: %+v", images)
	}
	s, err := n.door.Status()
	if err != nil || s.Self.Runs != w.image {
		t.Errorf("the others are told %+v, %v", s.Self, err)
	}
}
