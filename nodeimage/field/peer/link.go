package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"viver/nodeimage/field"
	"viver/nodeimage/nbd"
	"viver/nodeimage/spec"
)

var errClosed = errors.New("peer: closed")

// link is the connections to one member.
type link struct {
	member  field.Member
	tls     Identity
	control net.Conn // without TLS; nil: the member has none
	tasks   sync.WaitGroup
	ctx     context.Context // ends when the link is lost
	cancel  context.CancelFunc
	once    sync.Once
	lost    chan struct{}
	err     error // set before lost is closed

	mu      sync.Mutex
	clients map[string]*client // by export
}

// client is a connection for the chunks of one image, or one being made: conn and err are set when made is closed.
type client struct {
	made chan struct{}
	conn *nbd.Client
	err  error
}

// Lost implements field.Link.
func (l *link) Lost() <-chan struct{} { return l.lost }

// Err implements field.Link.
func (l *link) Err() error {
	select {
	case <-l.lost:
		return l.err
	default:
		return nil
	}
}

// Received implements field.Link.
func (l *link) Received() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		select {
		case <-c.made:
			if c.conn != nil {
				n += c.conn.Received()
			}
		default:
		}
	}
	return n
}

// Read implements field.Link.
func (l *link) Read(ctx context.Context, image spec.Digest, chunk int, p []byte) error {
	export := string(image)
	if !l.member.Seed {
		export = shareExport(image)
	}
	c := l.client(export)
	select {
	case <-c.made:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.lost:
		return l.err
	}
	if c.err != nil {
		return c.err
	}
	err := c.conn.ReadAt(ctx, p, int64(chunk)*spec.ChunkSize)
	var refused nbd.RemoteError
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", field.ErrRefused, err)
	}
	if lost := c.conn.Err(); err != nil && lost != nil {
		l.fail(lost)
	}
	return err
}

// client returns the connection for an export, and begins to make it if there is none. One that could not be made is tried again.
func (l *link) client(export string) *client {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.clients[export]; c != nil {
		return c
	}
	c := &client{made: make(chan struct{})}
	l.clients[export] = c
	l.tasks.Go(func() { l.connect(c, export) })
	return c
}

func (l *link) connect(c *client, export string) {
	defer close(c.made)
	var config *tls.Config
	if l.tls != nil {
		config = l.tls.Client(l.member.Name)
	}
	c.conn, c.err = nbd.DialTLS(l.ctx, l.member.Blocks, export, config)
	if c.err == nil {
		return
	}
	if errors.Is(c.err, nbd.ErrNoExport) {
		c.err = fmt.Errorf("%w: %w", field.ErrRefused, c.err)
		l.mu.Lock()
		delete(l.clients, export)
		l.mu.Unlock()
		return
	}
	l.fail(c.err)
}

// fail ends the link. Only the first reason counts.
func (l *link) fail(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.lost)
		l.cancel()
		if l.control != nil {
			l.control.Close()
		}
	})
}

// Close implements field.Link.
func (l *link) Close() error {
	l.fail(errClosed)
	l.tasks.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		if <-c.made; c.conn != nil {
			c.conn.Close()
		}
	}
	return nil
}
