package field_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// next is an image that comes before that of any room in the order of IDs. Seeds have the same bytes under any ID.
const next = spec.Digest("sha256:0000000000000000000000000000000000000000000000000000000000000001")

// running makes a room in which machines run its image and hold their shares.
func running(t *testing.T, count, chunks int, share int64) *room {
	r := newRoom(t, chunks, 1000*mbit)
	r.fill(count, 1000*mbit, field.Config{Self: field.Member{Share: share, Runs: r.image}, Cache: 4 << 20, ReadAhead: 1})
	r.await("the image to be spread", func() bool { return r.missing(r.image) == 0 })
	return r
}

// announce has machines hold the next image too, one a moment after the other.
func (r *room) announce(nodes ...*node) {
	r.t.Helper()
	for _, n := range nodes {
		if _, err := n.field.Add(next, r.root); err != nil {
			r.t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
	}
}

// of returns what a machine knows of an image.
func (n *node) of(id spec.Digest) field.ImageStatus {
	n.room.t.Helper()
	images := n.status().Images
	i := slices.IndexFunc(images, func(i field.ImageStatus) bool { return i.ID == id })
	if i < 0 {
		n.room.t.Fatalf("%s does not have image %s", n.member.Name, id)
	}
	return images[i]
}

// missing counts the chunks of an image that machines are to hold and do not.
func (r *room) missing(id spec.Digest) (sum int) {
	r.t.Helper()
	for _, n := range r.nodes {
		if n.field != nil {
			sum += n.of(id).Missing
		}
	}
	return sum
}

// readNext reads the next image whole on a machine.
func (n *node) readNext() {
	n.room.t.Helper()
	p := make([]byte, len(n.room.data))
	if err := n.field.Image(next).ReadAt(n.room.t.Context(), p, 0); err != nil || !bytes.Equal(p, n.room.data) {
		n.room.t.Errorf("%s cannot read the next image: %v", n.member.Name, err)
	}
}

func TestNextImageIsSpreadWhileTheFirstIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count, chunks = 6, 96
		r := running(t, count, chunks, 64<<20)
		defer r.close()
		nodes, seed := r.nodes[1:], r.nodes[0]
		seed.set(func(n *node) { n.sent = 0 })
		readers := r.readRandomly(nodes)
		r.announce(nodes...)
		r.await("the next image to be spread", func() bool { return r.missing(next) == 0 && nodes[0].status().SeedMayGo })
		readers.stop(t)
		if longest := readers.reset(); longest > 100*time.Millisecond {
			t.Errorf("a read took %v", longest)
		}
		sent := float64(seed.sent) / float64(len(r.data))
		if t.Logf("the seed has sent %.2f images", sent); sent > 1.5 {
			t.Error("each chunk should have left it little more than once")
		}
		r.kill(seed, time.Second)
		nodes[count-1].readNext()
	})
}

func TestRunningImageHasTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count, chunks = 6, 48
		r := running(t, count, chunks, 32*spec.ChunkSize) // room for 4 times an image
		defer r.close()
		nodes := r.nodes[1:]
		r.announce(nodes...)
		r.await("all that there is room for", func() bool { return r.missing(next) == 0 })
		first, second := nodes[0].of(r.image), nodes[0].of(next)
		if first.Replicas[3] != chunks || second.Replicas[0] != 0 || second.Replicas[1] != chunks {
			t.Errorf("the image that runs is on so many machines: %v, the next one: %v", first.Replicas, second.Replicas)
		}
		other := r.bring("pc07", field.Config{Self: field.Member{Runs: next}, Cache: 4 << 20})
		r.announce(other)
		r.await("the images to have their parts of the room", func() bool {
			return r.missing(r.image)+r.missing(next) == 0 && nodes[0].of(next).Share > second.Share
		})
		first, second = nodes[0].of(r.image), nodes[0].of(next)
		if first.Replicas[0]+first.Replicas[1] != 0 || second.Replicas[0]+second.Replicas[1] != 0 {
			t.Errorf("both run now, and are on so many machines: %v, %v", first.Replicas, second.Replicas)
		}
	})
}

// TestRepairDoesNotWaitForTheNextImage has the seed die before the next image is spread: what is missing of that cannot be had.
func TestRepairDoesNotWaitForTheNextImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := running(t, 6, 96, 64<<20)
		defer r.close()
		r.kill(r.nodes[0], time.Second)
		r.announce(r.nodes[1:]...)
		time.Sleep(5 * time.Second)
		if n := r.nodes[1].of(next); n.Missing == 0 {
			t.Fatal("the next image has come from nowhere")
		}
		r.kill(r.nodes[6], time.Second)
		r.await("the share of the dead to be repaired", func() bool { return r.nodes[1].of(r.image).Replicas[3] == 96 })
	})
}

func TestImageThatRunsSomewhereIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := running(t, 3, 16, 64<<20)
		defer r.close()
		nodes := r.nodes[1:]
		r.announce(nodes...)
		other := r.bring("pc09", field.Config{Self: field.Member{Runs: next}})
		if err := nodes[0].field.Remove(next); err == nil || !strings.Contains(err.Error(), "in use by pc09") {
			t.Errorf("an image that pc09 runs was dropped: %v", err)
		}
		if err := nodes[0].field.Remove(r.image); err == nil || !strings.Contains(err.Error(), "in use by pc01") {
			t.Errorf("the machine's own image was dropped: %v", err)
		}
		r.kill(other, 5*time.Second)
		if err := nodes[0].field.Remove(next); err != nil {
			t.Errorf("nobody runs it any more: %v", err)
		}
	})
}

// TestDroppedImageComesBack has those who kept it be known as holders then, and who has dropped it not.
func TestDroppedImageComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const chunks = 16
		r := running(t, 3, chunks, 64<<20)
		defer r.close()
		nodes := r.nodes[1:]
		r.announce(nodes...)
		r.await("the next image to be spread", func() bool { return r.missing(next) == 0 })
		if err := nodes[0].field.Remove(next); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := nodes[1].of(next).Replicas; got[2] != chunks {
			t.Errorf("one of three has dropped it, and it is on so many machines: %v", got)
		}
		r.kill(r.nodes[0], time.Second)
		r.announce(nodes[0])
		if got := nodes[0].of(next).Replicas; got[0]+got[1] != 0 {
			t.Errorf("the two others hold it, and it is on so many machines: %v", got)
		}
		nodes[0].readNext()
	})
}

func TestImagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := running(t, 1, 1, 64<<20)
		defer r.close()
		for n := range field.MaxImages {
			_, err := r.nodes[1].field.Add(spec.DigestOf([]byte{byte(n)}), r.root)
			if last := n == field.MaxImages-1; (err != nil) != last {
				t.Errorf("image %d: %v", n+2, err)
			}
		}
	})
}
