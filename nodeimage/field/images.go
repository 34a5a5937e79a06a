package field

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"viver/nodeimage/field/placement"
	"viver/nodeimage/field/store"
	"viver/nodeimage/spec"
)

// MaxImages is how many images a member takes part in at most, with the one that its machine runs.
const MaxImages = 8

// image is one whose chunks this member reads or holds.
type image struct {
	id      spec.Digest
	key     uint64
	number  int  // in the order of images
	running bool // a member has it as its root, as far as is known
	bytes   int64
	chunks  int
	digests [][sha256.Size]byte
	table   *store.Table

	flights  map[int]*flight
	share    Bits     // what this member is to hold
	origin   []string // of each chunk that is here: the name of who has delivered it
	users    int      // an image in use is never dropped
	pins     []pinned
	coverage []Coverage
}

func newImage(id spec.Digest, root spec.Root) (*image, error) {
	if err := checkRoot(root); err != nil {
		return nil, fmt.Errorf("field: image %s: %w", id, err)
	}
	i := &image{
		id: id, key: placement.Key(string(id)), bytes: root.Size, chunks: len(root.Chunks), table: store.NewTable(len(root.Chunks)),
		flights: make(map[int]*flight), share: NewBits(len(root.Chunks)), origin: make([]string, len(root.Chunks)),
	}
	for _, d := range root.Chunks {
		var sum [sha256.Size]byte
		if n, err := hex.Decode(sum[:], []byte(strings.TrimPrefix(string(d), "sha256:"))); err != nil || n != len(sum) {
			return nil, fmt.Errorf("field: image %s: chunk %d has the digest %q, which is none", id, len(i.digests), d)
		}
		i.digests = append(i.digests, sum)
	}
	return i, nil
}

func checkRoot(root spec.Root) error {
	if want := (root.Size + spec.ChunkSize - 1) / spec.ChunkSize; root.Size <= 0 || int64(len(root.Chunks)) != want || want > maxBits {
		return fmt.Errorf("its root has %d bytes and the digests of %d chunks", root.Size, len(root.Chunks))
	}
	for _, d := range root.Chunks {
		if len(d) != len("sha256:")+2*sha256.Size {
			return fmt.Errorf("%q is no digest of a chunk", d)
		}
	}
	return nil
}

// length returns how many bytes a chunk has.
func (i *image) length(index int) int64 {
	return min(spec.ChunkSize, i.bytes-int64(index)*spec.ChunkSize)
}

// forget drops an image. It refuses to while a member uses it: nobody else may have what is held here.
func (c *core) forget(i *image) error {
	if i.users > 0 {
		return fmt.Errorf("field: image %s is in use by this machine: it cannot be dropped", i.id)
	}
	if name := c.runner(i.id); name != "" {
		return fmt.Errorf("field: image %s is in use by %s: it cannot be dropped", i.id, name)
	}
	for _, f := range i.flights {
		c.finish(f, nil, ErrClosed)
	}
	for index := range i.chunks {
		c.drop(i, index)
	}
	delete(c.images, i.id)
	for _, m := range c.members {
		if bits := m.held[i]; bits != nil && len(m.unknown) < maxUnknown {
			m.unknown[i.id] = bits // for when the image comes back
		}
		delete(m.held, i)
	}
	c.replan() // at once, as the plan has the image
	return nil
}

// runner returns the name of a member that has an image as its root; "" if none is known.
func (c *core) runner(id spec.Digest) string {
	if c.config.Self.Runs == id {
		return c.config.Self.Name
	}
	for _, m := range c.members {
		if m.alive && m.Runs == id {
			return m.Name
		}
	}
	return ""
}

// add takes an image in; it is there already when its ID is known.
func (c *core) add(id spec.Digest, root spec.Root) (*image, error) {
	if i := c.images[id]; i != nil {
		return i, nil
	}
	if len(c.images) == MaxImages {
		return nil, fmt.Errorf("field: image %s: there are %d images here already, more are not taken", id, MaxImages)
	}
	i, err := newImage(id, root)
	if err != nil {
		return nil, err
	}
	c.images[id] = i
	for _, m := range c.members {
		if bits, ok := m.unknown[id]; ok {
			m.held[i] = bits.resize(i.chunks)
			delete(m.unknown, id)
		}
	}
	c.replan() // at once, as the plan does not have the image
	c.pin(c.pins)
	return i, nil
}

// number puts the images in order: first those that run somewhere, which all other members put first too.
func (c *core) number() {
	c.order = c.order[:0]
	for _, i := range c.images {
		i.running = c.runner(i.id) != ""
		c.order = append(c.order, i)
	}
	slices.SortFunc(c.order, func(a, b *image) int {
		if a.running != b.running {
			return 1 - 2*count(a.running)
		}
		return cmp.Compare(a.id, b.id)
	})
	for n, i := range c.order {
		i.number = n
	}
}

// pinned is a Pin for one image.
type pinned struct {
	first, last int // chunks
	members     []string
}

// pin sets the rules that bind ranges to members.
func (c *core) pin(pins []spec.Pin) {
	c.pins = pins
	for _, i := range c.order {
		i.pins = nil
		for _, p := range pins {
			if p.Image == i.id && p.Length > 0 {
				i.pins = append(i.pins, pinned{int(p.Offset / spec.ChunkSize), int((p.Offset + p.Length - 1) / spec.ChunkSize), p.Members})
			}
		}
	}
}

// pinned returns the names of the members that a chunk is to come from; none: it may come from any.
func (i *image) pinned(index int) []string {
	for _, p := range i.pins {
		if p.first <= index && index <= p.last {
			return p.members
		}
	}
	return nil
}
