// Package gossip knows which machines of the cluster live: a machine's death is noticed within two seconds or so, and what a machine
// says of itself reaches all others. It is SWIM, of github.com/hashicorp/memberlist, with every packet encrypted.
//
// It owns how members find and lose one another, and the form in which a member is described. What comes of that is for package field.
// Noticing a death takes time, and a machine that is only slow can look dead for a moment: no read may wait for it, and none may be
// given up because of it.
package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"viver/nodeimage/field"
)

// KeySize is the length of the cluster's gossip key, in bytes: AES-256.
const KeySize = 32

// Config says who this machine is and where the others are.
type Config struct {
	// Self is how this machine describes itself at first. Its ID must never have been that of another life: a name, a slash, and the
	// boot's ID. See SetSelf.
	Self field.Member
	// Key is the cluster's gossip key, KeySize bytes. Machines with another one are not heard.
	Key []byte
	// Listen is where UDP and TCP are taken; port 0 is any that is free.
	Listen netip.AddrPort
	// Advertise is the address that the others are told, with the port of Listen; the zero Addr means that of Listen, which must be one
	// address then and not all. A machine whose address changes must begin anew.
	Advertise netip.Addr
	// Hints are addresses where members may be ("host:port"); they are tried for ever.
	Hints []string
	// Discover finds more, and calls found with each until ctx ends; nil: there are none.
	Discover func(ctx context.Context, found func(address string))
	// Transport takes the place of the network; nil: UDP and TCP at Listen.
	Transport memberlist.NodeAwareTransport
	Log       *slog.Logger // nil is silent
}

// Event says that a member came or says something new of itself (Up), or that it is gone: dead, cut off, or it left.
type Event struct {
	Up     bool
	Member field.Member // what was known of it last
}

// Gossip is this machine among the members. It is safe for concurrent use.
type Gossip struct {
	config  Config
	log     *slog.Logger
	list    *memberlist.Memberlist
	address netip.AddrPort
	table   *table
	known   *known
	events  chan Event
	update  chan struct{} // gets something when self has changed

	mu   sync.Mutex // guards self
	self field.Member
}

// New begins to listen. Run must be called.
func New(c Config) (*Gossip, error) {
	if len(c.Key) != KeySize {
		return nil, fmt.Errorf("gossip: the key has %d bytes, not %d", len(c.Key), KeySize)
	}
	if _, err := encode(c.Self); err != nil {
		return nil, err
	}
	if !c.Advertise.IsValid() {
		c.Advertise = c.Listen.Addr()
	}
	if c.Transport == nil && (!c.Advertise.IsValid() || c.Advertise.IsUnspecified()) {
		return nil, fmt.Errorf("gossip: nobody can reach this machine at %v: say which of its addresses the others are told", c.Advertise)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gossip{config: c, log: c.Log, self: c.Self, table: newTable(c.Self.ID), known: newKnown(c.Hints), events: make(chan Event), update: make(chan struct{}, 1)}
	settings := g.settings()
	var err error
	if g.list, err = memberlist.Create(settings); err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	if g.address, err = advertised(settings, c.Transport); err != nil {
		return nil, errors.Join(err, g.list.Shutdown())
	}
	return g, nil
}

// advertised returns what the others are told, once Create has chosen a port.
func advertised(m *memberlist.Config, t memberlist.Transport) (netip.AddrPort, error) {
	if t == nil {
		return netip.ParseAddrPort(net.JoinHostPort(m.AdvertiseAddr, strconv.Itoa(m.AdvertisePort)))
	}
	ip, port, err := t.FinalAdvertiseAddr(m.AdvertiseAddr, m.AdvertisePort)
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), uint16(port)), err
}

// settings are memberlist's. Its own for local networks notice a silent death in 6 to 10 s. With a probe each 200 ms it is 1.0 to 1.7 s, but
// what a machine does at rest then takes a quarter of a virtual machine's processor where that is translated; no read waits for it.
func (g *Gossip) settings() *memberlist.Config {
	m := memberlist.DefaultLANConfig()
	m.Name = string(g.self.ID)
	m.SecretKey = g.config.Key
	m.BindAddr, m.BindPort = g.config.Listen.Addr().String(), int(g.config.Listen.Port())
	m.AdvertiseAddr, m.AdvertisePort = g.config.Advertise.String(), m.BindPort
	if g.config.Transport != nil {
		m.Transport = g.config.Transport
	}
	m.ProbeInterval, m.ProbeTimeout = 500*time.Millisecond, 250*time.Millisecond
	m.SuspicionMult, m.SuspicionMaxTimeoutMult = 3, 2
	m.GossipInterval = 200 * time.Millisecond
	m.PushPullInterval = 10 * time.Second
	m.TCPTimeout = 2 * time.Second
	m.EnableCompression = false         // it costs more than the few hundred bytes of a packet are worth
	m.DeadNodeReclaimTime = time.Second // an ID is one life, wherever it has moved to
	m.Logger = newLogger(g.log)
	d := delegate{g}
	m.Delegate, m.Events, m.Alive = d, d, g.table
	return m
}

// Address is where the others reach this machine.
func (g *Gossip) Address() netip.AddrPort { return g.address }

// Events tells what becomes of the others. Somebody must take from it while Run runs; it is closed when Run returns. Of a member that
// changes often the last state is told.
func (g *Gossip) Events() <-chan Event { return g.events }

// Members returns the others that live, in no order.
func (g *Gossip) Members() []field.Member { return g.table.members() }

// SetSelf tells the others something new of this machine. The ID cannot change.
func (g *Gossip) SetSelf(m field.Member) error {
	if _, err := encode(m); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.ID != g.self.ID {
		return fmt.Errorf("gossip: %s cannot become %s", g.self.ID, m.ID)
	}
	if m != g.self {
		g.self = m
		wake(g.update)
	}
	return nil
}

// Run keeps in touch with the others until ctx ends, and looks for those that it has lost. Then this machine is silent, as if it had
// died: who wants to be missed at once calls Leave before. It returns nil.
func (g *Gossip) Run(ctx context.Context) error {
	defer close(g.events)
	var parts sync.WaitGroup
	parts.Go(func() { g.table.tell(ctx, g.events) })
	parts.Go(func() { g.followSelf(ctx) })
	parts.Go(func() { g.rejoin(ctx) })
	if g.config.Discover != nil {
		parts.Go(func() { g.config.Discover(ctx, g.known.found) })
	}
	parts.Wait()
	_ = g.list.Shutdown() // its errors are in the log
	return nil
}

// Leave tells the others that this machine goes, and returns when that is on its way, or after so long. Run must be running. Nothing
// brings the machine back under this ID.
func (g *Gossip) Leave(within time.Duration) error {
	if err := g.list.Leave(within); err != nil {
		return fmt.Errorf("gossip: leave: %w", err)
	}
	return nil
}

// updateTime bounds how long the news of one change are waited for until the next one goes out.
const updateTime = 200 * time.Millisecond

// followSelf tells what SetSelf was told.
func (g *Gossip) followSelf(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.update:
			_ = g.list.UpdateNode(updateTime) // its one error is that it takes longer
		}
	}
}

// delegate is what memberlist calls. None of this may wait.
type delegate struct{ *Gossip }

// NodeMeta implements memberlist.Delegate.
func (d delegate) NodeMeta(int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, _ := encode(d.self) // it was encoded before
	return b
}

func (delegate) NotifyMsg([]byte)                {}
func (delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (delegate) LocalState(bool) []byte          { return nil }
func (delegate) MergeRemoteState([]byte, bool)   {}

// NotifyJoin implements memberlist.EventDelegate.
func (d delegate) NotifyJoin(n *memberlist.Node) { d.NotifyUpdate(n) }

// NotifyUpdate implements memberlist.EventDelegate.
func (d delegate) NotifyUpdate(n *memberlist.Node) {
	// What n points to is only ours to read here: memberlist writes to it later.
	if address := addressOf(n); d.table.put(n, address) {
		d.known.seen(address)
	}
}

// NotifyLeave implements memberlist.EventDelegate.
func (d delegate) NotifyLeave(n *memberlist.Node) { d.table.remove(n) }

func addressOf(n *memberlist.Node) string {
	return net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port)))
}

// wake lets the one who waits on c look, now or next.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
