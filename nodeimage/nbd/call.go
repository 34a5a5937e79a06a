package nbd

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/pojntfx/go-nbd/pkg/protocol"
)

// call is a read under way.
type call struct {
	length int
	done   chan error // has room for the one answer

	mu  sync.Mutex
	dst []byte // what is still to be filled; nil: nobody waits any more
}

// write sends requests, up to and with the goodbye; those that come while it writes go together.
func (c *Client) write() {
	defer close(c.written)
	var buf []byte
	for {
		var req request
		select {
		case <-c.dead:
			return
		case req = <-c.send:
		}
		buf = c.gather(req.append(buf[:0]), &req)
		if _, err := c.conn.Write(buf); err != nil {
			c.fail(err)
			return
		}
		if req.command == protocol.TRANSMISSION_TYPE_REQUEST_DISC {
			return
		}
	}
}

// gather appends to buf the requests that need not be waited for; last becomes the last of them.
func (c *Client) gather(buf []byte, last *request) []byte {
	for len(buf) < 64*requestSize && last.command != protocol.TRANSMISSION_TYPE_REQUEST_DISC {
		select {
		case *last = <-c.send:
			buf = last.append(buf)
		default:
			return buf
		}
	}
	return buf
}

// read takes replies until the connection breaks.
func (c *Client) read(r *bufio.Reader) error {
	var header [replySize]byte
	for {
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return fmt.Errorf("connection lost: %w", err)
		}
		if magic := binary.BigEndian.Uint32(header[:]); magic != protocol.TRANSMISSION_MAGIC_REPLY {
			return fmt.Errorf("a reply starts with %#08x, not with %#08x", magic, protocol.TRANSMISSION_MAGIC_REPLY)
		}
		cookie := binary.BigEndian.Uint64(header[8:])
		call := c.take(cookie)
		if call == nil {
			return fmt.Errorf("a reply to request %d, which was not made", cookie)
		}
		if errno := binary.BigEndian.Uint32(header[4:]); errno != 0 {
			call.done <- RemoteError{Errno: errno}
			continue
		}
		if err := c.receive(r, call); err != nil {
			err = c.fail(fmt.Errorf("connection lost: %w", err))
			call.done <- err
			return err
		}
		call.done <- nil
	}
}

// receive takes the data of one reply. They pass through r's buffer, so that a call can be abandoned at any moment.
func (c *Client) receive(r *bufio.Reader, call *call) error {
	for left := call.length; left > 0; {
		if _, err := r.Peek(1); err != nil {
			return err
		}
		part, err := r.Peek(min(r.Buffered(), left))
		if err != nil {
			return err
		}
		call.fill(part)
		left -= len(part)
		c.received.Add(int64(len(part)))
		if _, err := r.Discard(len(part)); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) fill(part []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dst != nil {
		c.dst = c.dst[copy(c.dst, part):]
	}
}

func (c *call) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dst = nil
}
