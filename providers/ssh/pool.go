package ssh

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	cryptossh "golang.org/x/crypto/ssh"
)

// Pool keeps one connection to each host. It is safe for concurrent use; the zero value is ready. Close ends all connections.
type Pool struct {
	mu      sync.Mutex // guards what follows
	clients map[string]*entry
	closed  bool
}

// entry is a place for one connection. Whoever dials has the token.
type entry struct {
	token  chan struct{}
	client *Client // guarded by token
}

var errClosed = errors.New("ssh: the connections have been closed")

// Connect returns a connection to t: the one there is if it lives, else a new one. It dials until that works or ctx ends.
func (p *Pool) Connect(ctx context.Context, t Target) (*Client, error) {
	e, err := p.entry(t.Addr + " " + t.User + " " + t.HostKey.id)
	if err != nil {
		return nil, err
	}
	select {
	case e.token <- struct{}{}:
		defer func() { <-e.token }()
	case <-ctx.Done():
		return nil, fmt.Errorf("ssh: connect to %s: %w", t.Addr, context.Cause(ctx))
	}
	if e.client != nil && e.client.alive() {
		return e.client, nil
	}
	conn, err := dial(ctx, t)
	if err != nil {
		return nil, err
	}
	if e.client != nil {
		_ = e.client.Close()
	}
	client := newClient(conn, t.Addr)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = client.Close()
		return nil, errClosed
	}
	e.client = client
	return client, nil
}

func (p *Pool) entry(key string) (*entry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if p.clients == nil {
		p.clients = map[string]*entry{}
	}
	e := p.clients[key]
	if e == nil {
		e = &entry{token: make(chan struct{}, 1)}
		p.clients[key] = e
	}
	return e, nil
}

// Close ends all connections and waits for what belongs to them. Connect fails from then on.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	entries := p.clients
	p.clients = nil
	p.mu.Unlock()
	for _, e := range entries {
		e.token <- struct{}{} // whoever dials has to come to an end: its context is its caller's
		if e.client != nil {
			_ = e.client.Close()
		}
		<-e.token
	}
	return nil
}

// Client is one connection. It is safe for concurrent use: each call has a channel of its own.
type Client struct {
	conn *cryptossh.Client
	addr string
	dead chan struct{} // closed when the connection has ended
	all  sync.WaitGroup
}

// A connection is asked for a sign of life this often, and given up when the answer takes this long.
const (
	keepAlivePause   = 15 * time.Second
	keepAliveTimeout = 20 * time.Second
)

func newClient(conn *cryptossh.Client, addr string) *Client {
	c := &Client{conn: conn, addr: addr, dead: make(chan struct{})}
	c.all.Go(func() {
		_ = conn.Wait()
		close(c.dead)
	})
	c.all.Go(c.keepAlive)
	return c
}

// Close ends the connection.
func (c *Client) Close() error {
	err := c.conn.Close()
	c.all.Wait()
	return err
}

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.dead }

func (c *Client) alive() bool {
	select {
	case <-c.dead:
		return false
	default:
		return true
	}
}

// keepAlive ends a connection whose other end has silently gone: power cut, cable out.
func (c *Client) keepAlive() {
	tick := time.NewTicker(keepAlivePause)
	defer tick.Stop()
	for {
		select {
		case <-c.dead:
			return
		case <-tick.C:
		}
		guard := time.AfterFunc(keepAliveTimeout, func() { c.conn.Close() })
		_, _, err := c.conn.SendRequest("keepalive@openssh.com", true, nil)
		guard.Stop()
		if err != nil {
			c.conn.Close()
			return
		}
	}
}

// Gone waits until the connection has ended, or the other end has not answered for the time of silence, and then returns true.
// It returns false when ctx ends first.
func (c *Client) Gone(ctx context.Context, silence time.Duration) bool {
	answers := make(chan bool)
	over, stop := context.WithCancel(ctx)
	defer stop()
	c.all.Go(func() {
		for {
			_, _, err := c.conn.SendRequest("keepalive@openssh.com", true, nil)
			select {
			case answers <- err == nil:
			case <-over.Done():
				return
			}
			select {
			case <-time.After(askPause):
			case <-over.Done():
				return
			}
		}
	})
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for {
		select {
		case ok := <-answers:
			if !ok {
				return true
			}
			quiet.Reset(silence)
		case <-quiet.C:
			_ = c.conn.Close()
			return true
		case <-c.dead:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// askPause is how often Gone asks.
const askPause = time.Second
