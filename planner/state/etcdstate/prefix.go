// Package etcdstate keeps a state in etcd, below a prefix, an instance in a key. It owns the layout of the keys and the transactions by which
// they change; how a server is configured is its administrator's.
//
// Below the prefix there are
//
//	meta               lineage, serial, and which generation of documents counts; each transaction is about its value
//	key                32 random bytes by which sensitive values are hashed
//	lock               who may write; it goes with his lease
//	kept/NAME          what belongs to the state and is no part of it
//	GENERATION/NAME    documents in pieces, after a zero byte: outputs, origins, and an instance at each address
//
// What fits in one transaction changes documents in place. What does not becomes a new generation, which meta then points to.
package etcdstate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"viver/planner/state"
)

// Prefix is a state below a prefix; it implements state.Backend.
type Prefix struct {
	Endpoints []string // "https://10.0.0.1:2379"
	Prefix    string   // "/viver/lab/"
	// TLS is for endpoints that begin with https; nil: the system's authorities and no certificate of our own.
	TLS *tls.Config
	// User and Password of etcd's own authentication; empty: none.
	User, Password string
	// Lease is how long a writer that died locks others out, in whole seconds; 0: DefaultLease.
	Lease time.Duration
}

// DefaultLease of a writer.
const DefaultLease = 60 * time.Second

// askTimeout is how long one request may take, loadTimeout how long reading all.
const (
	askTimeout  = 10 * time.Second
	loadTimeout = 30 * time.Second
)

// Place implements state.Backend.
func (p *Prefix) Place() string {
	if len(p.Endpoints) == 0 {
		return "etcd:" + p.Prefix
	}
	return "etcd:" + p.Endpoints[0] + p.Prefix
}

func (p *Prefix) lease() int64 {
	if p.Lease < time.Second {
		return int64(DefaultLease / time.Second)
	}
	return int64(p.Lease / time.Second)
}

// connect makes a client for servers of which one can be reached.
func (p *Prefix) connect(ctx context.Context) (*clientv3.Client, error) {
	if err := p.reach(ctx); err != nil {
		return nil, p.explain("connect to", err)
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: p.Endpoints, TLS: p.TLS, Username: p.User, Password: p.Password, Logger: zap.NewNop(),
		DialTimeout: askTimeout, DialKeepAliveTime: 15 * time.Second, DialKeepAliveTimeout: 10 * time.Second,
		MaxCallRecvMsgSize: maxReply,
	})
	if err != nil {
		return nil, p.explain("connect to", err)
	}
	return client, nil
}

// reach finds out why none of the servers can be reached: the client itself would try until the time is up, and not say.
func (p *Prefix) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var problems []error
	for _, endpoint := range p.Endpoints {
		u, err := url.Parse(endpoint)
		if err != nil {
			return err
		}
		var conn net.Conn
		if u.Scheme == "https" {
			conn, err = (&tls.Dialer{Config: p.TLS}).DialContext(ctx, "tcp", u.Host)
		} else {
			conn, err = new(net.Dialer).DialContext(ctx, "tcp", u.Host)
		}
		if err == nil {
			return conn.Close()
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// maxReply bounds one answer, in bytes: a page of documents.
const maxReply = 128 << 20

// explain says what to do about an error of etcd.
func (p *Prefix) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	advice := ""
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		advice = ": does etcd run there, and does it accept our certificate?"
	case errors.Is(err, rpctypes.ErrNoSpace):
		advice = ": etcd is full: compact and defragment it (etcdctl compact, defrag, alarm disarm), then run the command again"
	}
	return fmt.Errorf("state: %s %s: %w%s", what, p.Place(), err, advice)
}

// with connects, and asks with a time limit.
func (p *Prefix) with(ctx context.Context, what string, ask func(context.Context, *clientv3.Client) error) error {
	client, err := p.connect(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	return errors.Join(p.explain(what, ask(ctx, client)), client.Close())
}

// Read implements state.Backend.
func (p *Prefix) Read(ctx context.Context) (s *state.State, err error) {
	err = p.with(ctx, "read", func(ctx context.Context, c *clientv3.Client) error {
		var l loaded
		l, err := p.load(ctx, c)
		s = l.state
		return err
	})
	return s, err
}

// Kept implements state.Backend.
func (p *Prefix) Kept(ctx context.Context, name string) (data []byte, err error) {
	err = p.with(ctx, "read", func(ctx context.Context, c *clientv3.Client) error {
		r, err := c.Get(ctx, p.Prefix+keptKey+name)
		if err == nil && len(r.Kvs) > 0 {
			data = r.Kvs[0].Value
		}
		return err
	})
	return data, err
}

// Holder implements state.Backend.
func (p *Prefix) Holder(ctx context.Context) (h *state.Holder, err error) {
	err = p.with(ctx, "look at the lock of", func(ctx context.Context, c *clientv3.Client) error {
		r, err := c.Get(ctx, p.Prefix+lockKey)
		if err != nil || len(r.Kvs) == 0 {
			return err
		}
		found := state.ParseHolder(r.Kvs[0].Value)
		h = &found
		return nil
	})
	return h, err
}

// Unlock implements state.Backend: it deletes the lock, which every transaction of its holder asks for.
func (p *Prefix) Unlock(ctx context.Context, seen state.Holder) error {
	return p.with(ctx, "unlock", func(ctx context.Context, c *clientv3.Client) error {
		r, err := c.Txn(ctx).
			If(clientv3.Compare(clientv3.Value(p.Prefix+lockKey), "=", string(seen.Text()))).
			Then(clientv3.OpDelete(p.Prefix + lockKey)).Commit()
		if err == nil && !r.Succeeded {
			err = errors.New("somebody else has it by now, or nobody")
		}
		return err
	})
}
