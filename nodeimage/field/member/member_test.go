package member_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/field/gossip"
	"viver/nodeimage/field/member"
	"viver/nodeimage/nbd"
	"viver/nodeimage/spec"
)

// identity is one certificate that all have. Who is let in with which is tried where passports are.
type identity struct {
	cert tls.Certificate
	pool *x509.CertPool
}

func newIdentity(t *testing.T) *identity {
	t.Helper()
	public, key, _ := ed25519.GenerateKey(nil)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"all"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(nil, template, template, public, key)
	check(t, err)
	cert, err := x509.ParseCertificate(der)
	check(t, err)
	i := &identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, x509.NewCertPool()}
	i.pool.AddCert(cert)
	return i
}

func (i *identity) Client(_ string, protocols ...string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: i.pool, ServerName: "all", NextProtos: protocols}
}

func (i *identity) Server(protocols ...string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.cert}, NextProtos: protocols}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a seed on loopback, and what members need.
type world struct {
	t        *testing.T
	identity *identity
	key      []byte
	id       spec.Digest
	root     spec.Root
	data     memory
	hint     string
	stopSeed func()
}

type memory []byte

func (m memory) Size() int64 { return int64(len(m)) }

func (m memory) ReadAt(_ context.Context, p []byte, off int64) error {
	copy(p, m[off:])
	return nil
}

func newWorld(t *testing.T, chunks int) *world {
	w := &world{t: t, identity: newIdentity(t), key: make([]byte, gossip.KeySize), data: make(memory, chunks*spec.ChunkSize-4096)}
	random := rand.NewChaCha8([32]byte{3})
	_, _ = random.Read(w.data)
	w.id, w.root.Size = spec.DigestOf([]byte(t.Name())), w.data.Size()
	for part := range slices.Chunk(w.data, spec.ChunkSize) {
		w.root.Chunks = append(w.root.Chunks, spec.DigestOf(part))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	w.stopSeed = func() { cancel(); parts.Wait() }
	t.Cleanup(w.stopSeed)
	parts.Go(func() {
		s := nbd.Server{Exports: map[string]nbd.Device{string(w.id): w.data}, TLS: w.identity.Server(), RequireTLS: true}
		if err := s.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	ready := make(chan netip.AddrPort, 1)
	parts.Go(func() {
		err := member.Announce(ctx, member.Seed{
			Name: "seed", Boot: "1", GossipKey: w.key, Blocks: l.Addr().(*net.TCPAddr).AddrPort(), Ready: func(a netip.AddrPort) { ready <- a },
		})
		if err != nil {
			t.Error(err)
		}
	})
	w.hint = (<-ready).String()
	return w
}

func (w *world) start(name string, hints ...string) *member.Member {
	w.t.Helper()
	m, err := member.Start(w.t.Context(), member.Config{
		Name: name, Boot: "1", Identity: w.identity, GossipKey: w.key, Address: netip.MustParseAddr("127.0.0.1"), Hints: hints,
		Field: field.Config{Self: field.Member{Share: 64 << 20}, Settle: 50 * time.Millisecond},
	})
	check(w.t, err)
	w.t.Cleanup(func() { check(w.t, m.Close()) })
	_, err = m.Field.Add(w.id, w.root)
	check(w.t, err)
	return m
}

// until waits until something is true of a member.
func (w *world) until(m *member.Member, name string, what func(field.Status) bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		s, err := m.Field.Status()
		check(w.t, err)
		if what(s) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: %s does not come to it: %s", name, m.Self().Name, s.SeedNeeded)
		}
		select {
		case <-w.t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestLifeOfMembers has members find one another through the seed, do without it, read, and leave.
func TestLifeOfMembers(t *testing.T) {
	w := newWorld(t, 20)
	first, second, third := w.start("pc1", w.hint), w.start("pc2", w.hint), w.start("pc3", w.hint)
	for _, m := range []*member.Member{first, second, third} {
		w.until(m, "all hold their shares", func(s field.Status) bool { return s.SeedMayGo })
	}
	w.stopSeed()
	w.until(first, "the seed has said goodbye", func(s field.Status) bool { return len(s.Members) == 2 })
	late := w.start("pc4", first.Gossip().String())
	image, got := late.Field.Image(w.id), make([]byte, len(w.data))
	check(t, image.ReadAt(t.Context(), got, 0))
	if !bytes.Equal(got, w.data) {
		t.Error("a member has read wrong bytes from the others")
	}
	check(t, second.Leave(t.Context(), false))
	w.until(first, "one has left", func(s field.Status) bool { return len(s.Members) == 2 && s.SeedMayGo })
	check(t, second.Close())
}

// TestTheLastStays has a member that holds what nobody else does refuse to leave, and go when it is forced to.
func TestTheLastStays(t *testing.T) {
	w := newWorld(t, 4)
	m := w.start("pc1", w.hint)
	check(t, m.Field.Image(w.id).ReadAt(t.Context(), make([]byte, len(w.data)), 0))
	w.stopSeed()
	w.until(m, "the seed has said goodbye", func(s field.Status) bool { return len(s.Members) == 0 })
	if err := m.Leave(t.Context(), false); err == nil || m.Self().Leaving {
		t.Errorf("it leaves: %v", err)
	}
	check(t, m.Leave(t.Context(), true))
}

func TestRefuses(t *testing.T) {
	if _, err := member.Start(t.Context(), member.Config{Name: "pc1", Boot: "1"}); err == nil {
		t.Error("a machine without a passport became a member")
	}
	w := newWorld(t, 1)
	_, err := member.Start(t.Context(), member.Config{
		Name: "pc1", Boot: "1", Identity: w.identity, GossipKey: w.key[:3], Address: netip.MustParseAddr("127.0.0.1"),
	})
	if err == nil {
		t.Error("a gossip key of 3 bytes was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := member.Announce(ctx, member.Seed{Name: "", GossipKey: w.key, Blocks: netip.MustParseAddrPort("127.0.0.1:1")}); err == nil {
		t.Error("a seed without a name is known")
	}
}
