package field

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"viver/nodeimage/spec"
)

// Up says that a machine is a member, or that something of it has changed.
func (f *Field) Up(m Member) { f.post(func(c *core) { c.up(m) }) }

// Down says that a machine is no member any more.
func (f *Field) Down(id MemberID) { f.post(func(c *core) { c.down(id) }) }

// ID returns this member's.
func (f *Field) ID() MemberID { return f.config.Self.ID }

// Add takes an image in, of which this member will hold a share; it does nothing but return it when it is there already.
func (f *Field) Add(id spec.Digest, root spec.Root) (*Image, error) {
	var state *image
	var err error
	if lost := f.ask(func(c *core) { state, err = c.add(id, root) }); lost != nil || err != nil {
		return nil, cmpErr(lost, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.images[id]; i != nil && i.state == state {
		return i, nil
	}
	i := &Image{field: f, state: state}
	f.images[id] = i
	return i, nil
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// Remove drops an image. It refuses to while this machine uses it, or a member runs it.
func (f *Field) Remove(id spec.Digest) error {
	var err error
	lost := f.ask(func(c *core) {
		i := c.images[id]
		if i == nil {
			err = fmt.Errorf("field: there is no image %s here", id)
		} else if err = c.forget(i); err == nil {
			f.mu.Lock()
			delete(f.images, id)
			f.mu.Unlock()
		}
	})
	return cmpErr(lost, err)
}

// Image returns the image with this ID, nil if it is not here.
func (f *Field) Image(id spec.Digest) *Image {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.images[id]
}

// Images returns all images, by ID.
func (f *Field) Images() (list []*Image) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(f.images)) {
		list = append(list, f.images[id])
	}
	return list
}

// Drain says whether a member, named by its name, is not to be asked any more as long as anybody else can be. Draining this member
// itself means that it hands its share over, and stays.
func (f *Field) Drain(name string, on bool) error {
	if name == f.config.Self.Name {
		return f.ask(func(c *core) { c.retired, c.changed = on, true })
	}
	return f.wish(name, func(w *wish) { w.drained = on })
}

// Prefer says how much more often than others a member is to be asked: 2 means that it is taken to be twice as fast as it is, 1 is normal.
func (f *Field) Prefer(name string, factor float64) error {
	if !(factor > 0 && factor < 1e6) {
		return fmt.Errorf("field: prefer %s: a factor of %v is not above 0 and below a million", name, factor)
	}
	return f.wish(name, func(w *wish) { w.preferred = factor })
}

// wish changes what is wished of the members with this name, now and in their next lives.
func (f *Field) wish(name string, change func(*wish)) error {
	found := false
	err := f.ask(func(c *core) {
		for _, m := range c.members {
			if m.Name == name {
				change(&m.wish)
				c.wishes[name] = m.wish
				found, c.stirred = true, true
			}
		}
	})
	if err == nil && !found {
		err = fmt.Errorf("field: no member is called %q: `viver field status` lists them", name)
	}
	return err
}

// Pin sets the rules that bind ranges of images to members; they replace those before.
func (f *Field) Pin(pins []spec.Pin) error {
	return f.ask(func(c *core) { c.pin(pins) })
}

// Wake has the share fetched from now on; see Config.Rest.
func (f *Field) Wake() error {
	return f.ask(func(c *core) { c.config.Rest = false })
}

// SetCache changes how many bytes the cache may take: less under memory pressure, and as much as configured again after it. The
// share stays.
func (f *Field) SetCache(bytes int64) error {
	err := f.ask(func(c *core) { c.setCache(bytes) })
	f.pool.Trim()
	return err
}

// Leave hands this member's share over and returns when it may go. It returns an error that wraps ErrLast when chunks would be lost by
// that; it stays then. With force it returns at once. When ctx ends before, it stays.
func (f *Field) Leave(ctx context.Context, force bool) error {
	answer := make(chan error, 1)
	if err := f.ask(func(c *core) { c.leave(force, answer) }); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		_ = f.ask(func(c *core) { c.stay() })
		return fmt.Errorf("field: leave: %w", ctx.Err())
	}
}

// Load returns what this member tells of itself every Beat.
func (f *Field) Load() Load {
	return Load{Serving: f.serving.Load(), Reading: f.reading.Load(), Leaving: f.leaving.Load()}
}

// Fetched returns how many bytes of chunks have come from other members.
func (f *Field) Fetched() int64 { return f.fetched.Load() }

// Complete returns what Member.Complete is to be; it changes by itself.
func (f *Field) Complete() uint64 { return f.whole.Load() }

// Status returns what is known now.
func (f *Field) Status() (Status, error) {
	var s Status
	err := f.ask(func(c *core) { s = c.status() })
	s.Reads.Chunks, s.Reads.Hits, s.Reads.Served = f.chunks.Load(), f.hits.Load(), f.served.Load()
	return s, err
}

// Map returns where the chunks of an image are, or would come from now.
func (f *Field) Map(id spec.Digest) (list []Range, err error) {
	lost := f.ask(func(c *core) {
		if i := c.images[id]; i != nil {
			list = c.ranges(i)
		} else {
			err = fmt.Errorf("field: there is no image %s here", id)
		}
	})
	return list, cmpErr(lost, err)
}
