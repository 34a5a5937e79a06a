package field

import (
	"testing"

	"viver/nodeimage/spec"
)

// TestHoldersOfADroppedImageAreRemembered has what others hold be known when the image comes back, but for those who have dropped it since:
// each tells only once what it holds.
func TestHoldersOfADroppedImageAreRemembered(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.holds("a", 3)
	w.holds("b", 3)
	root := spec.Root{Size: testChunks * spec.ChunkSize}
	for range testChunks {
		root.Chunks = append(root.Chunks, spec.DigestOf(nil))
	}
	if err := w.forget(w.image); err != nil {
		t.Fatal(err)
	}
	w.told(w.of("b"), w.of("b").generation, Message{Held: &Held{Image: w.image.id}})
	w.told(w.of("a"), w.of("a").generation, Message{Delta: &Delta{Image: w.image.id, Came: []uint32{5}}})
	i, err := w.add(w.image.id, root)
	if err != nil {
		t.Fatal(err)
	}
	if a := w.of("a"); !a.holds(i, 3) || !a.holds(i, 5) || a.holds(i, 4) {
		t.Errorf("a holds %v", a.held[i])
	}
	if b := w.of("b"); b.holds(i, 3) || len(b.unknown) != 0 {
		t.Errorf("b holds %v", b.held[i])
	}
}
