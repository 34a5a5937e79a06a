package nbd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pojntfx/go-nbd/pkg/protocol"
)

// goodbyeTime is how long Close waits for the server to take the goodbye.
const goodbyeTime = time.Second

// ErrClosed is what a Client answers after Close.
var ErrClosed = errors.New("nbd: client is closed")

// RemoteError is what a server answers to a read that it could not do. The connection stays usable.
type RemoteError struct {
	Errno uint32 // of the protocol: 1 EPERM, 5 EIO, 12 ENOMEM, 22 EINVAL, 28 ENOSPC, 75 EOVERFLOW, 108 ESHUTDOWN
}

func (e RemoteError) Error() string {
	switch e.Errno {
	case protocol.TRANSMISSION_ERROR_EPERM:
		return "the server answers EPERM"
	case errnoEIO:
		return "the server answers EIO"
	case protocol.TRANSMISSION_ERROR_EINVAL:
		return "the server answers EINVAL"
	}
	return fmt.Sprintf("the server answers error %d", e.Errno)
}

// Client reads one export over one connection. Any number of reads may be under way at once. It is a Device, and safe for
// concurrent use.
type Client struct {
	socket   net.Conn
	conn     net.Conn // the socket, or TLS over it
	export   exportInfo
	received atomic.Int64
	send     chan request
	dead     chan struct{} // closed when err is set
	written  chan struct{} // closed when write has ended
	loops    sync.WaitGroup

	mu     sync.Mutex
	err    error // why the connection is not usable; nil: it is
	cookie uint64
	calls  map[uint64]*call
}

// Dial connects to a server ("host:port") and opens an export. ctx bounds both.
func Dial(ctx context.Context, address, export string) (*Client, error) {
	return DialTLS(ctx, address, export, nil)
}

// DialTLS is Dial under TLS, which the server must have; nil is without.
func DialTLS(ctx context.Context, address, export string, config *tls.Config) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("nbd: %w", err)
	}
	return NewClientTLS(ctx, conn, export, config)
}

// NewClient opens an export over a connection, which it owns from then on. ctx bounds the negotiation.
func NewClient(ctx context.Context, conn net.Conn, export string) (*Client, error) {
	return NewClientTLS(ctx, conn, export, nil)
}

// NewClientTLS is NewClient under TLS; nil is without.
func NewClientTLS(ctx context.Context, conn net.Conn, export string, config *tls.Config) (*Client, error) {
	socket := rawConn(conn)
	stop := context.AfterFunc(ctx, func() { socket.Close() })
	conn, r, info, err := open(ctx, socket, export, config)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		socket.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("nbd: open export %q of %v: %w", export, socket.RemoteAddr(), err)
	}
	c := &Client{socket: socket, conn: conn, export: info, calls: make(map[uint64]*call)}
	c.send, c.dead, c.written = make(chan request), make(chan struct{}), make(chan struct{})
	c.loops.Go(c.write)
	c.loops.Go(func() { c.fail(c.read(r)) })
	return c, nil
}

// Size implements Device.
func (c *Client) Size() int64 { return c.export.size }

// Received returns how many bytes of data have arrived: while it grows, the server is alive.
func (c *Client) Received() int64 { return c.received.Load() }

// Err returns why the connection is lost, nil while it can be used.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// ReadAt implements Device. An error that is no RemoteError, and not that of ctx, means that the connection is lost; all reads under
// way fail then.
func (c *Client) ReadAt(ctx context.Context, p []byte, off int64) error {
	if off < 0 || off > c.export.size || int64(len(p)) > c.export.size-off {
		return fmt.Errorf("nbd: read %d bytes at %d of %d: %w", len(p), off, c.export.size, io.ErrUnexpectedEOF)
	}
	for len(p) > 0 {
		n := min(len(p), c.export.maxBlock)
		if err := c.readBlock(ctx, p[:n], off); err != nil {
			return fmt.Errorf("nbd: read %d bytes at %d: %w", n, off, err)
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

func (c *Client) readBlock(ctx context.Context, p []byte, off int64) error {
	call := &call{length: len(p), done: make(chan error, 1), dst: p}
	cookie, err := c.begin(call)
	if err != nil {
		return err
	}
	req := request{command: protocol.TRANSMISSION_TYPE_REQUEST_READ, cookie: cookie, offset: uint64(off), length: uint32(len(p))}
	select {
	case c.send <- req:
	case <-c.dead: // fail answers the call
	case <-ctx.Done():
		c.take(cookie) // it was never sent
		return ctx.Err()
	}
	select {
	case err := <-call.done:
		return err
	case <-ctx.Done():
		call.abandon()
		return ctx.Err()
	}
}

// begin enters a call among those that wait for an answer.
func (c *Client) begin(call *call) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	c.cookie++
	c.calls[c.cookie] = call
	return c.cookie, nil
}

// take removes the call with this cookie from those that wait; nil: there is none.
func (c *Client) take(cookie uint64) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := c.calls[cookie]
	delete(c.calls, cookie)
	return call
}

// fail ends the connection and all reads under way. Only the first reason counts, and is returned.
func (c *Client) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.err = err
	close(c.dead)
	c.socket.Close() // TLS would take its time to say goodbye
	for cookie, call := range c.calls {
		delete(c.calls, cookie)
		call.done <- err
	}
	return err
}

// Close says goodbye to the server and ends all reads under way with ErrClosed. It always returns nil.
func (c *Client) Close() error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(goodbyeTime)) // a server that takes nothing any more is left without a word
	select {
	case c.send <- request{command: protocol.TRANSMISSION_TYPE_REQUEST_DISC}:
		<-c.written
	case <-c.dead:
	}
	c.fail(ErrClosed)
	c.loops.Wait()
	return nil
}
