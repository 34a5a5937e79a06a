package field_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// link is a simulated connection: from reads what to has.
type link struct {
	from, to *node
	received atomic.Int64
	packets  chan part     // on their way
	turn     chan struct{} // full while a reply is being sent
	tasks    sync.WaitGroup
	once     sync.Once
	lost     chan struct{}
	err      error
}

// part is a packet; done is closed when it has arrived.
type part struct {
	bytes int
	done  chan struct{} // nil: not the last of a reply
}

func (l *link) Received() int64       { return l.received.Load() }
func (l *link) Lost() <-chan struct{} { return l.lost }
func (l *link) Err() error            { return l.err }

func (l *link) Close() error {
	l.fail(errors.New("closed"))
	l.tasks.Wait()
	return nil
}

func (l *link) fail(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.lost)
	})
}

// open waits until the line is not cut. It reports false when the link is lost.
func (l *link) open() bool {
	for l.from.room.isBlocked(l.from, l.to) {
		select {
		case <-l.lost:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	select {
	case <-l.lost:
		return false
	default:
		return true
	}
}

// Read implements field.Link: the request travels, the member answers as its NBD server would, and the reply passes both lines, one
// reply of a link after the other.
func (l *link) Read(ctx context.Context, image spec.Digest, chunk int, p []byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	data := make([]byte, len(p))
	result := make(chan error, 1)
	l.tasks.Go(func() { result <- l.serve(ctx, image, chunk, data) })
	select {
	case err := <-result:
		copy(p, data)
		return err
	case <-l.lost:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *link) serve(ctx context.Context, image spec.Digest, chunk int, p []byte) error {
	time.Sleep(l.from.room.delay)
	for l.to.is(func(n *node) bool { return n.stalls }) {
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	if !l.open() {
		return l.err
	}
	if err := l.to.answer(ctx, image, chunk, p); err != nil {
		return err
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-l.lost:
		return l.err
	}
	return l.send(p)
}

// send passes the data over both lines.
func (l *link) send(p []byte) error {
	done := make(chan struct{})
	for left := len(p); left > 0; left -= packet {
		if !l.open() {
			return l.err
		}
		next := part{bytes: min(left, packet)}
		l.to.up.pass(next.bytes)
		if left <= packet {
			next.done = done
		}
		select {
		case l.packets <- next:
		case <-l.lost:
			return l.err
		}
	}
	select {
	case <-done:
		return nil
	case <-l.lost:
		return l.err
	}
}

// receive takes packets from the line.
func (l *link) receive() {
	for {
		select {
		case next := <-l.packets:
			l.from.down.pass(next.bytes)
			l.received.Add(int64(next.bytes))
			if next.done != nil {
				close(next.done)
			}
		case <-l.lost:
			return
		}
	}
}

// answer fills p as the machine's server does.
func (n *node) answer(ctx context.Context, image spec.Digest, chunk int, p []byte) error {
	off := int64(chunk) * spec.ChunkSize
	if n.field == nil {
		copy(p, n.room.data[off:])
	} else if i := n.field.Image(image); i == nil {
		return fmt.Errorf("%s has no such image: %w", n.member.Name, field.ErrRefused)
	} else if s := i.Share(); !s.ReadNow(p, off) {
		if err := s.ReadAt(ctx, p, off); err != nil {
			n.set(func(n *node) { n.refused++ })
			return fmt.Errorf("%s: %w: %w", n.member.Name, field.ErrRefused, err)
		}
	}
	n.set(func(n *node) {
		n.sent += int64(len(p))
		if n.lies {
			p[len(p)/2] ^= 1
		}
	})
	return nil
}

// listen passes on what the member tells.
func (l *link) listen(hear func(field.Message)) {
	teller := l.to.field.Teller()
	for {
		list := teller.Next(l.lost)
		if list == nil || !l.open() {
			return
		}
		time.Sleep(l.from.room.delay)
		for _, m := range list {
			hear(m)
		}
	}
}
