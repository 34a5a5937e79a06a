// Package member makes a machine a member of V-FIELD: package field decides, package peer carries chunks, package gossip knows who lives,
// and here they are put together. It owns the order in which they begin and end, and nothing else.
package member

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/field"
	"viver/nodeimage/field/gossip"
	"viver/nodeimage/field/peer"
)

// goodbyeTime is how long it is tried to tell the others that this machine goes.
const goodbyeTime = 2 * time.Second

// Config is what a member is told at its start.
type Config struct {
	Name string // as in the machine's passport
	Boot string // names this life of the machine: the kernel's boot ID
	// Identity is what the machine proves itself with, a passport.Holder; GossipKey is the key in the passport. There is no member
	// without: what members send one another is never in the clear.
	Identity  peer.Identity
	GossipKey []byte
	// Address is where the others reach this machine; it listens there. The ports may be 0: any that is free.
	Address                 netip.Addr
	Blocks, Control, Gossip uint16
	// Hints and Discover say where others may be; see gossip.Config.
	Hints    []string
	Discover func(ctx context.Context, found func(address string))
	// Field says how much memory there is and the like; Start sets its Peers and all of Self but Share and Runs.
	Field field.Config
	Log   *slog.Logger // nil is silent
}

// Member is this machine among the others. It is safe for concurrent use.
type Member struct {
	Field *field.Field

	gossip *gossip.Gossip
	parts  *errgroup.Group
	cancel context.CancelFunc

	mu   sync.Mutex // guards self
	self field.Member
}

// Start makes this machine a member, with no image yet: see field.Add. When ctx ends, or with Close, it is silent for the others as if it
// had died; Leave comes before. Close must be called.
func Start(ctx context.Context, c Config) (_ *Member, err error) {
	if c.Identity == nil {
		return nil, errors.New("member: a machine without a passport cannot be one")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	blocks, control, err := listen(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			blocks.Close()
			control.Close()
		}
	}()
	m := &Member{self: c.Field.Self}
	m.self.ID, m.self.Name = field.MemberID(c.Name+"/"+c.Boot), c.Name
	m.self.Blocks, m.self.Control = blocks.Addr().String(), control.Addr().String()
	c.Field.Self, c.Field.Peers, c.Field.Log = m.self, &peer.Dialer{TLS: c.Identity}, c.Log
	if m.gossip, err = gossip.New(c.gossip(m.self)); err != nil {
		return nil, err
	}
	if m.Field, err = field.Open(c.Field); err != nil {
		_ = m.gossip.Run(ended()) // it listens already
		return nil, err
	}
	m.run(ctx, &peer.Server{Field: m.Field, TLS: c.Identity, Log: c.Log}, blocks, control)
	return m, nil
}

func listen(ctx context.Context, c Config) (blocks, control net.Listener, err error) {
	var l net.ListenConfig
	if blocks, err = l.Listen(ctx, "tcp", netip.AddrPortFrom(c.Address, c.Blocks).String()); err != nil {
		return nil, nil, fmt.Errorf("member %s: %w", c.Name, err)
	}
	if control, err = l.Listen(ctx, "tcp", netip.AddrPortFrom(c.Address, c.Control).String()); err != nil {
		blocks.Close()
		return nil, nil, fmt.Errorf("member %s: %w", c.Name, err)
	}
	return blocks, control, nil
}

func (c Config) gossip(self field.Member) gossip.Config {
	return gossip.Config{
		Self: self, Key: c.GossipKey, Listen: netip.AddrPortFrom(c.Address, c.Gossip), Hints: c.Hints, Discover: c.Discover, Log: c.Log,
	}
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// run starts all parts. One that fails ends them all.
func (m *Member) run(ctx context.Context, s *peer.Server, blocks, control net.Listener) {
	ctx, m.cancel = context.WithCancel(ctx)
	m.parts, ctx = errgroup.WithContext(ctx)
	m.parts.Go(func() error { return s.ServeBlocks(ctx, blocks) })
	m.parts.Go(func() error { return s.ServeControl(ctx, control) })
	m.parts.Go(func() error { return m.gossip.Run(ctx) })
	m.parts.Go(func() error { return m.follow(ctx) })
	m.parts.Go(func() error {
		for e := range m.gossip.Events() { // it is closed when the gossip ends
			if e.Up {
				m.Field.Up(e.Member)
			} else {
				m.Field.Down(e.Member.ID)
			}
		}
		return nil
	})
}

// follow tells the others when this machine has got, or lost, what it is to hold.
func (m *Member) follow(ctx context.Context) error {
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return nil
		}
		if now := m.Field.Complete(); now != m.Self().Complete {
			if err := m.tell(func(self *field.Member) { self.Complete = now }); err != nil {
				return err
			}
		}
	}
}

// Self returns this machine as the others see it.
func (m *Member) Self() field.Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.self
}

// Gossip returns where others find this machine: a hint for them.
func (m *Member) Gossip() netip.AddrPort { return m.gossip.Address() }

// tell tells the others what has changed of this machine.
func (m *Member) tell(change func(*field.Member)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.self)
	return m.gossip.SetSelf(m.self)
}

// Leave hands this machine's share over, and then says goodbye; Close is to follow. It refuses, and the machine stays, as field.Leave
// says.
func (m *Member) Leave(ctx context.Context, force bool) error {
	if err := m.tell(func(self *field.Member) { self.Leaving = true }); err != nil {
		return err
	}
	if err := m.Field.Leave(ctx, force); err != nil {
		return errors.Join(err, m.tell(func(self *field.Member) { self.Leaving = false }))
	}
	return m.gossip.Leave(goodbyeTime)
}

// Wait returns when the member has ended, with the reason if it ended by itself.
func (m *Member) Wait() error { return m.parts.Wait() }

// Close ends the member and gives its memory back.
func (m *Member) Close() error {
	m.cancel()
	err := m.parts.Wait()
	return errors.Join(err, m.Field.Close())
}
