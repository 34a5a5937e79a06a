package gossip_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"viver/nodeimage/field"
	"viver/nodeimage/field/gossip"
)

// soon is how long anything may take here; a machine may be slow.
const soon = 30 * time.Second

var key = bytes.Repeat([]byte("k"), gossip.KeySize)

// machine is one member and what it has heard.
type machine struct {
	*gossip.Gossip
	t    testing.TB
	stop func() // it falls silent

	mu     sync.Mutex
	alive  map[string]field.Member
	change chan struct{} // closed and replaced when alive changes
}

func config(name string, hints ...string) gossip.Config {
	return gossip.Config{
		Self: field.Member{ID: field.MemberID(name + "/b007"), Name: name, Blocks: name + ":10809", Share: 1 << 30},
		Key:  key, Listen: netip.MustParseAddrPort("127.0.0.1:0"), Hints: hints,
	}
}

// start runs a member until the test ends.
func start(t testing.TB, c gossip.Config) *machine {
	t.Helper()
	g, err := gossip.New(c)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{Gossip: g, t: t, alive: map[string]field.Member{}, change: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(m.listen)
	parts.Go(func() { _ = g.Run(ctx) })
	m.stop = sync.OnceFunc(func() { cancel(); parts.Wait() })
	t.Cleanup(m.stop)
	return m
}

func (m *machine) listen() {
	for e := range m.Events() {
		m.mu.Lock()
		if e.Up {
			m.alive[e.Member.Name] = e.Member
		} else {
			delete(m.alive, e.Member.Name)
		}
		close(m.change)
		m.change = make(chan struct{})
		m.mu.Unlock()
	}
}

// await waits until what the machine knows of the others is as wanted.
func (m *machine) await(what string, done func(alive map[string]field.Member) bool) {
	m.t.Helper()
	deadline := time.After(soon)
	for {
		m.mu.Lock()
		ok, change, names := done(m.alive), m.change, fmt.Sprint(len(m.alive), " others")
		m.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-change:
		case <-deadline:
			m.t.Fatalf("%s: it knows %s", what, names)
		}
	}
}

func (m *machine) awaitCount(n int) {
	m.t.Helper()
	m.await(fmt.Sprintf("want %d others", n), func(alive map[string]field.Member) bool { return len(alive) == n })
}

func (m *machine) address() string { return m.Address().String() }

func TestSixteenFindOneAnother(t *testing.T) {
	first := start(t, config("pc00"))
	all := []*machine{first}
	for i := 1; i < 16; i++ {
		all = append(all, start(t, config(fmt.Sprintf("pc%02d", i), first.address())))
	}
	began := time.Now()
	for _, m := range all {
		m.awaitCount(15)
	}
	t.Logf("16 members after %v", time.Since(began))
	if got := len(first.Members()); got != 15 {
		t.Errorf("Members has %d", got)
	}
	want := field.Member{ID: "pc07/b007", Name: "pc07", Blocks: "pc07:10809", Control: "10.0.0.7:1", Share: 5, Leaving: true}
	if err := all[7].SetSelf(want); err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		if i != 7 {
			m.await("what pc07 says of itself", func(alive map[string]field.Member) bool { return alive["pc07"] == want })
		}
	}
	died := time.Now()
	all[15].stop()
	first.awaitCount(14)
	t.Logf("a silent death was noticed after %v", time.Since(died))
	left := time.Now()
	if err := all[14].Leave(soon); err != nil {
		t.Fatal(err)
	}
	first.awaitCount(13)
	t.Logf("one that left was gone after %v", time.Since(left))
}

// heard is a log that waits for a line.
type heard struct {
	slog.Handler
	part string
	once sync.Once
	line chan struct{} // closed when a line with part has come
}

func (h *heard) Enabled(context.Context, slog.Level) bool { return true }

func (h *heard) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, h.part) {
		h.once.Do(func() { close(h.line) })
	}
	return nil
}

func TestAnotherKeyIsNotHeard(t *testing.T) {
	refused := &heard{Handler: slog.DiscardHandler, part: "could decrypt the message", line: make(chan struct{})}
	c := config("pc00")
	c.Log = slog.New(refused)
	first := start(t, c)
	stranger := config("stranger", first.address())
	stranger.Key = bytes.Repeat([]byte("x"), gossip.KeySize)
	s := start(t, stranger)
	second := start(t, config("pc01", first.address()))
	first.awaitCount(1)
	second.awaitCount(1)
	select {
	case <-refused.line:
	case <-time.After(soon):
		t.Fatal("the stranger has not even tried")
	}
	if n := len(s.Members()); n > 0 {
		t.Errorf("the stranger knows %d members", n)
	}
	for _, m := range []*machine{first, second} {
		if slices.ContainsFunc(m.Members(), func(o field.Member) bool { return o.Name == "stranger" }) {
			t.Error("the stranger is a member")
		}
	}
}

// net2 is a network that can be cut in two: those on different sides do not reach one another.
type net2 struct {
	cut  atomic.Bool
	mu   sync.Mutex
	left map[string]bool // by address
}

func (n *net2) blocked(a, b string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut.Load() && n.left[a] != n.left[b]
}

// end is one machine's end of the network.
type end struct {
	*memberlist.NetTransport
	net  *net2
	self string
}

func (n *net2) end(t *testing.T, left bool) *end {
	t.Helper()
	tr, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{BindAddrs: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	e := &end{tr, n, fmt.Sprintf("127.0.0.1:%d", tr.GetAutoBindPort())}
	n.mu.Lock()
	n.left[e.self] = left
	n.mu.Unlock()
	return e
}

func (e *end) WriteTo(b []byte, addr string) (time.Time, error) {
	return e.WriteToAddress(b, memberlist.Address{Addr: addr})
}

func (e *end) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	if e.net.blocked(e.self, a.Addr) {
		return time.Now(), nil // lost on the way
	}
	return e.NetTransport.WriteToAddress(b, a)
}

func (e *end) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return e.DialAddressTimeout(memberlist.Address{Addr: addr}, timeout)
}

func (e *end) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	if e.net.blocked(e.self, a.Addr) {
		return nil, fmt.Errorf("%s cannot be reached", a.Addr)
	}
	return e.NetTransport.DialAddressTimeout(a, timeout)
}

func (e *end) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return e.NetTransport.FinalAdvertiseAddr("127.0.0.1", e.GetAutoBindPort())
}

func TestHalvesJoinAgain(t *testing.T) {
	network := &net2{left: map[string]bool{}}
	var all []*machine
	for i := range 6 {
		c := config(fmt.Sprintf("pc%02d", i))
		c.Transport = network.end(t, i < 3)
		if i > 0 {
			c.Hints = []string{all[0].address()}
		}
		all = append(all, start(t, c))
	}
	for _, m := range all {
		m.awaitCount(5)
	}
	network.cut.Store(true)
	for _, m := range all {
		m.awaitCount(2)
	}
	network.cut.Store(false)
	healed := time.Now()
	for _, m := range all {
		m.awaitCount(5)
	}
	t.Logf("the halves were one after %v", time.Since(healed))
}

func TestDiscoveryIsEnough(t *testing.T) {
	first := start(t, config("pc00"))
	c := config("pc01")
	c.Discover = func(ctx context.Context, found func(string)) {
		found("127.0.0.1:1") // nobody
		found(first.address())
		<-ctx.Done()
	}
	start(t, c).awaitCount(1)
	first.awaitCount(1)
}

func TestNewRefuses(t *testing.T) {
	short := config("pc00")
	short.Key = short.Key[1:]
	nameless := config("pc00")
	nameless.Self.Name = "other"
	busy := config("pc00")
	busy.Listen = start(t, config("pc01")).Address()
	nowhere := config("pc00")
	nowhere.Listen = netip.MustParseAddrPort("0.0.0.0:0")
	for want, c := range map[string]gossip.Config{"31 bytes": short, "not that of a machine": nameless, "address already in use": busy, "nobody can reach": nowhere} {
		if _, err := gossip.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	g := start(t, config("pc02"))
	for _, m := range []field.Member{{ID: "pc03/b007", Name: "pc03"}, {ID: "pc02/b007", Name: "pc02", Share: -1}} {
		if err := g.SetSelf(m); err == nil {
			t.Errorf("%+v was taken", m)
		}
	}
}
