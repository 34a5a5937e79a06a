package passport_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/passport"
	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
)

const cluster = "0123456789abcdef"

// now is a time at which nothing has expired.
var now = time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)

// authority is a cluster's, as package trust makes it.
type authority struct {
	t      testing.TB
	key    ed25519.PrivateKey
	issuer *passport.Issuer // of the server "seed"
	root   *x509.Certificate
	ca     *x509.Certificate // the bundle's
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t}
	_, a.key, _ = ed25519.GenerateKey(nil)
	a.ca = a.sign(authorityTemplate("ca"), nil, a.key.Public())
	root := authorityTemplate("root")
	root.MaxPathLen, root.MaxPathLenZero = 1, false
	limited(root)
	a.root = a.sign(root, nil, a.key.Public())
	a.issuer = a.server(func(*x509.Certificate) {})
	return a
}

func authorityTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Unix(0, 0), NotAfter: now.AddDate(1000, 0, 0),
	}
}

// limited lets an authority sign machines' names only.
func limited(c *x509.Certificate) {
	c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{spec.MachineDomain(cluster)}, true
}

func (a *authority) sign(template, parent *x509.Certificate, public any) *x509.Certificate {
	a.t.Helper()
	if parent == nil {
		parent = template
	}
	template.SerialNumber = big.NewInt(1)
	der, err := x509.CreateCertificate(nil, template, parent, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// server is another server's issuer, whose certificate differs from the usual.
func (a *authority) server(differ func(*x509.Certificate)) *passport.Issuer {
	a.t.Helper()
	public, key, _ := ed25519.GenerateKey(nil)
	template := authorityTemplate("viver server")
	limited(template)
	differ(template)
	cert := a.sign(template, a.root, public)
	der, _ := x509.MarshalPKCS8PrivateKey(key)
	i, err := passport.NewIssuer(cluster, append(encode(cert), encode(a.root)...),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), make([]byte, passport.GossipKeySize))
	if err != nil {
		a.t.Fatal(err)
	}
	return i
}

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func (a *authority) trust() spec.Trust { return spec.Trust{TLS: string(encode(a.ca))} }

// machine is a holder whose clock can be set.
type machine struct {
	*passport.Holder
	a      *authority
	name   string
	public []byte
	clock  time.Time
}

// node is a machine that has joined now.
func (a *authority) node(name string) *machine {
	a.t.Helper()
	public, key, err := passport.NewKey()
	if err != nil {
		a.t.Fatal(err)
	}
	m := &machine{a: a, name: name, public: public, clock: now}
	p, err := a.issuer.Sign(name, public, now)
	if err != nil {
		a.t.Fatal(err)
	}
	if m.Holder, err = passport.NewHolder(cluster, a.trust(), key, *p, func() time.Time { return m.clock }); err != nil {
		a.t.Fatal(err)
	}
	return m
}

// seed is the server.
func (a *authority) seed() *machine {
	a.t.Helper()
	m := &machine{a: a, name: "seed", clock: now}
	p, key, err := a.issuer.Own("seed", now)
	if err != nil {
		a.t.Fatal(err)
	}
	if m.Holder, err = passport.NewHolder(cluster, a.trust(), key, *p, func() time.Time { return m.clock }); err != nil {
		a.t.Fatal(err)
	}
	return m
}

// renew is done by a server, at the machine's time.
func (m *machine) renew() {
	m.a.t.Helper()
	p, err := m.a.issuer.Sign(m.name, m.public, m.clock)
	if err == nil {
		err = m.Put(*p)
	}
	if at := passport.RenewAt(*p); !at.Equal(m.clock.Add(passport.Renew)) {
		m.a.t.Errorf("signed at %v, it is to be renewed at %v", m.clock, at)
	}
	if err != nil {
		m.a.t.Fatal(err)
	}
}

// meet makes a connection from one to another, and returns whom the server sees, and what either says against the other.
func meet(t *testing.T, client, server *tls.Config) (passport.Peer, error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	near, far := tls.Client(a, client), tls.Server(b, server)
	done := make(chan error, 1)
	go func() {
		err := far.Handshake()
		if err != nil {
			b.Close()
		} else {
			_, err = far.Write([]byte("!"))
		}
		done <- err
	}()
	err := near.Handshake()
	if err == nil {
		_, err = near.Read(make([]byte, 1)) // TLS 1.3 tells of a refused client only now
	}
	a.Close()
	if err = errors.Join(err, <-done); err != nil {
		return passport.Peer{}, err
	}
	return passport.PeerOf(far.ConnectionState())
}

func refused(t *testing.T, client, server *tls.Config, want string) {
	t.Helper()
	if peer, err := meet(t, client, server); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("want an error with %q, got %+v, %v", want, peer, err)
	}
}

func TestMachinesKnowOneAnother(t *testing.T) {
	a := newAuthority(t)
	one, two, seed := a.node("pc01"), a.node("lab.pc02"), a.seed()
	for _, c := range []struct {
		from, to *machine
		server   bool
	}{{one, two, false}, {two, seed, false}, {seed, one, true}} {
		peer, err := meet(t, c.from.Client(c.to.name), c.to.Server())
		if want := (passport.Peer{Name: c.from.name, Server: c.server}); err != nil || peer != want {
			t.Errorf("%s to %s: %+v, %v", c.from.name, c.to.name, peer, err)
		}
		if _, err := meet(t, c.from.Client(""), c.to.Server()); err != nil {
			t.Errorf("%s to any: %v", c.from.name, err)
		}
	}
	refused(t, one.Client("pc03"), two.Server(), "this is lab.pc02, not pc03")
}

func TestStrangersAreRefused(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	one, stranger := a.node("pc01"), other.node("pc02")
	refused(t, stranger.Client(""), one.Server(), "unknown authority")
	refused(t, one.Client(""), stranger.Server(), "unknown authority")
	nameless := one.Client("")
	nameless.GetClientCertificate = nil
	refused(t, nameless, one.Server(), "didn't provide a certificate")
	old := one.Client("")
	old.MinVersion, old.MaxVersion = 0, tls.VersionTLS12
	refused(t, old, one.Server(), "protocol version")
}

func TestExpiredPassportsAreRefused(t *testing.T) {
	a := newAuthority(t)
	one, gone, seed := a.node("pc01"), a.node("pc02"), a.seed()
	for range 4 { // pc02 was taken out of the cluster, the others are in touch with a server
		one.clock = one.clock.Add(passport.Renew)
		one.renew()
	}
	seed.clock = one.clock
	refused(t, gone.Client(""), one.Server(), "expired")
	refused(t, gone.Client(""), seed.Server(), "expired")
	refused(t, one.Client(""), gone.Server(), "expired")
	if _, err := meet(t, one.Client("seed"), seed.Server()); err != nil {
		t.Error(err)
	}
}

// Nobody is locked out because there is no server to renew passports.
func TestMachinesGoOnWithoutServers(t *testing.T) {
	a := newAuthority(t)
	one, two := a.node("pc01"), a.node("pc02")
	for _, after := range []time.Duration{passport.Renew + time.Minute, passport.Lifetime + time.Minute, 1000 * passport.Lifetime} {
		one.clock, two.clock = now.Add(after), now.Add(after)
		if _, err := meet(t, one.Client("pc02"), two.Server()); err != nil {
			t.Errorf("%v after the last word of a server: %v", after, err)
		}
	}
	one.renew() // it has found one, and pc02 has not yet
	if _, err := meet(t, one.Client("pc02"), two.Server()); err != nil {
		t.Errorf("to one that has not found the server yet: %v", err)
	}
	if _, err := meet(t, two.Client("pc01"), one.Server()); err != nil {
		t.Errorf("from one that has not found the server yet: %v", err)
	}
	one.clock = one.clock.Add(time.Hour)
	refused(t, two.Client("pc01"), one.Server(), "expired")
}

func TestClocksDoNotMatter(t *testing.T) {
	a := newAuthority(t)
	one, two := a.node("pc01"), a.node("pc02")
	for _, year := range []int{1980, 2106} {
		one.clock = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		if _, err := meet(t, one.Client("pc02"), two.Server()); err != nil {
			t.Errorf("%d: %v", year, err)
		}
	}
}

// What a server's authority signs must not pass for a server that is asked to join: no passport of a node, and not even a certificate with
// that very name, be the authority limited to machines' names or not.
func TestPassportsAreNoServersToJoin(t *testing.T) {
	a := newAuthority(t)
	bundle := &spec.Bundle{Cluster: cluster, Trust: a.trust()}
	public, key, _ := passport.NewKey()
	p, err := a.issuer.Sign("pc01", public, now)
	if err != nil {
		t.Fatal(err)
	}
	node, err := tls.X509KeyPair([]byte(p.Chain+p.Root), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string]tls.Certificate{
		"a node's passport":           node,
		"of a limited authority":      a.forge(limited),
		"of an authority without end": a.forge(func(*x509.Certificate) {}),
	} {
		if reason := joinAt(t, bundle, &tls.Config{Certificates: []tls.Certificate{pair}}); !strings.Contains(reason, "not a server of this cluster") {
			t.Errorf("%s: %s", what, reason)
		}
	}
}

// forge is a certificate for the server's name, signed by an authority of the kind that servers have.
func (a *authority) forge(differ func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	public, key, _ := ed25519.GenerateKey(nil)
	template := authorityTemplate("viver server")
	differ(template)
	between := a.sign(template, a.root, public)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{spec.ServerName(cluster)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Unix(0, 0), NotAfter: now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(nil, leaf, between, public, key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der, between.Raw, a.root.Raw}, PrivateKey: key}
}

// joinAt asks a server with this configuration to join, once, and returns why it failed.
func joinAt(t *testing.T, bundle *spec.Bundle, config *tls.Config) (reason string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_ = tls.Server(conn, config).Handshake()
			conn.Close()
		}
	}()
	client, err := join.New(bundle, func() []string { return []string{l.Addr().String()} })
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Report(t.Context(), spec.Report{})
	if err == nil {
		t.Fatal("it was taken for a server")
	}
	return err.Error()
}

func TestHolderRefuses(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	one, two := a.node("pc01"), a.node("pc02")
	sign := func(i *passport.Issuer, name string, public []byte) spec.Passport {
		t.Helper()
		p, err := i.Sign(name, public, now)
		if err != nil {
			t.Fatal(err)
		}
		return *p
	}
	good := sign(a.issuer, "pc01", one.public)
	short, rootless, chainless := good, good, good
	short.Gossip, rootless.Root, chainless.Chain = good.Gossip[1:], good.Chain, ""
	elsewhere := a.server(func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"machine.fedcba.viver"} })
	for want, p := range map[string]spec.Passport{
		"for another key":             sign(a.issuer, "pc02", two.public),
		"not of this cluster's":       sign(other.issuer, "pc01", one.public),
		"31 bytes":                    short,
		"its root is not of":          rootless,
		"there is no certificate":     chainless,
		"not permitted by any constr": sign(elsewhere, "pc01", one.public),
	} {
		if err := one.Put(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := meet(t, one.Client(""), two.Server()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestIssuerRefuses(t *testing.T) {
	a := newAuthority(t)
	for _, public := range [][]byte{nil, {1}, make([]byte, 1<<20)} {
		if _, err := a.issuer.Sign("pc01", public, now); err == nil {
			t.Errorf("%d bytes were signed", len(public))
		}
	}
	_, key, _ := passport.NewKey()
	chain := append(encode(a.root), encode(a.root)...)
	for want, c := range map[string]struct{ chain, key, gossip []byte }{
		"no certificate":      {nil, []byte(key), nil},
		"no private key":      {chain, nil, nil},
		"certificates in PEM": {[]byte("x"), []byte(key), nil},
		"the root that has":   {encode(a.root), []byte(key), nil},
		"of the key beside":   {chain, []byte(key), nil},
	} {
		if _, err := passport.NewIssuer(cluster, c.chain, c.key, c.gossip); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// Whatever a server says, it is refused or a passport of this machine.
func FuzzPut(f *testing.F) {
	a := newAuthority(f)
	one := a.node("pc01")
	p, err := a.issuer.Sign("pc01", one.public, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Chain, p.Root, one.public)
	f.Add("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "", []byte("x"))
	f.Fuzz(func(t *testing.T, chain, root string, public []byte) {
		_, _ = passport.PublicKey(public)
		_ = one.Put(spec.Passport{Chain: chain, Root: root, Gossip: make([]byte, passport.GossipKeySize)})
		_ = passport.RenewAt(spec.Passport{Chain: chain})
		if _, err := meet(t, one.Client("pc01"), one.Server()); err != nil {
			t.Error(err)
		}
	})
}
