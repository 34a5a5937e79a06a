package field

import (
	"math/bits"
	"sync"
	"time"

	"viver/nodeimage/spec"
)

// restBeat is how often a member that serves nobody tells its Load.
const restBeat = time.Second

// notice wakes those that wait for something to happen.
type notice struct {
	mu sync.Mutex
	ch chan struct{}
}

func (n *notice) init() { n.ch = make(chan struct{}) }

// wait returns a channel that is closed when something happens.
func (n *notice) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ch
}

// give says that something has happened.
func (n *notice) give() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.ch)
	n.ch = make(chan struct{})
}

// Teller finds out what one listener is to be told. It is not safe for concurrent use.
type Teller struct {
	field *Field
	told  map[spec.Digest]Bits
	beat  time.Time // when the last Load was told
}

// Teller returns one for a new listener, who is told everything first.
func (f *Field) Teller() *Teller { return &Teller{field: f, told: make(map[spec.Digest]Bits)} }

// Next waits until there is something to tell, but no longer than a beat, and returns it. It returns nothing when done is closed or
// the field is closed.
func (t *Teller) Next(done <-chan struct{}) []Message {
	for {
		happened := t.field.notice.wait()
		if list := t.news(); len(list) > 0 {
			return list
		}
		if !t.pause(done, happened, time.Until(t.beat.Add(t.rest()))) {
			return nil
		}
		if !t.pause(done, nil, BeatHeld) { // what happens next comes in the same message
			return nil
		}
	}
}

// pause waits until something has happened or time is over. It reports false when nothing is to be told any more.
func (t *Teller) pause(done, happened <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-happened:
	case <-done:
		return false
	case <-t.field.ctx.Done():
		return false
	}
	return true
}

func (t *Teller) rest() time.Duration {
	if t.field.serving.Load() > 0 || time.Since(time.Unix(0, t.field.asked.Load())) < restBeat {
		return Beat
	}
	return restBeat
}

// news returns what has changed, and the load when it is time.
func (t *Teller) news() (list []Message) {
	images := t.field.Images()
	for _, i := range images {
		if m := t.compare(i); m != nil {
			list = append(list, *m)
		}
	}
	list = append(list, t.forget(images)...)
	if time.Since(t.beat) >= t.rest() {
		t.beat = time.Now()
		load := t.field.Load()
		list = append(list, Message{Load: &load})
	}
	return list
}

// compare returns what has changed of an image, nil if nothing has.
func (t *Teller) compare(i *Image) *Message {
	now, before := i.Chunks(), t.told[i.ID()]
	t.told[i.ID()] = now
	if before == nil {
		return &Message{Held: &Held{Image: i.ID(), Chunks: now}}
	}
	d := &Delta{Image: i.ID()}
	for w := range now {
		for changed := now[w] ^ before[w]; changed != 0; changed &= changed - 1 {
			chunk := uint32(64*w + bits.TrailingZeros64(changed))
			if now.Has(int(chunk)) {
				d.Came = append(d.Came, chunk)
			} else {
				d.Went = append(d.Went, chunk)
			}
		}
	}
	if len(d.Came)+len(d.Went) == 0 {
		return nil
	}
	return &Message{Delta: d}
}

// forget tells which images were removed, and forgets them, so that they are told whole if they come back.
func (t *Teller) forget(images []*Image) (list []Message) {
	if len(images) == len(t.told) {
		return nil
	}
	there := make(map[spec.Digest]bool)
	for _, i := range images {
		there[i.ID()] = true
	}
	for id := range t.told {
		if !there[id] {
			delete(t.told, id)
			list = append(list, Message{Held: &Held{Image: id}})
		}
	}
	return list
}
