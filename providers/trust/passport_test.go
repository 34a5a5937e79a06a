package trust_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"path/filepath"
	"testing"
	"time"

	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
	"viver/providers/trust"
)

// issuer is what the server of that name signs passports with.
func issuer(t *testing.T, a *trust.Authority, name string) *passport.Issuer {
	t.Helper()
	id, err := a.Server(name)
	if err != nil {
		t.Fatal(err)
	}
	i, err := passport.NewIssuer(a.Cluster(), id["passport.crt"], id["passport.key"], id["gossip.key"])
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// holder is a machine of a, with a passport that i has signed.
func holder(t *testing.T, a *trust.Authority, i *passport.Issuer, name string) (*passport.Holder, spec.Passport) {
	t.Helper()
	public, key, err := passport.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	p, err := i.Sign(name, public, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h, err := passport.NewHolder(a.Cluster(), a.Trust(), key, *p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h, *p
}

func handshake(t *testing.T, client, server *tls.Config) error {
	t.Helper()
	a, b := net.Pipe()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		conn := tls.Server(b, server)
		err := conn.Handshake()
		b.Close()
		done <- err
	}()
	_ = tls.Client(a, client).Handshake()
	a.Close()
	return <-done
}

// Machines that different servers have let in know one another, also when the authority was shared by its files; those of another cluster do not.
func TestPassportsOfAllServersAreGood(t *testing.T) {
	dir, shared := t.TempDir(), filepath.Join(t.TempDir(), "ca")
	a, stranger := open(t, dir), open(t, t.TempDir())
	exported, err := trust.Export(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := trust.Import(shared, exported); err != nil {
		t.Fatal(err)
	}
	one, first := holder(t, a, issuer(t, a, "seed"), "pc01")
	two, second := holder(t, a, issuer(t, open(t, shared), "second"), "pc02")
	other, foreign := holder(t, stranger, issuer(t, stranger, "seed"), "pc01")
	if first.Root != second.Root || !bytes.Equal(first.Gossip, second.Gossip) {
		t.Error("two servers of a cluster give out different roots or gossip keys")
	}
	if first.Root == foreign.Root || bytes.Equal(first.Gossip, foreign.Gossip) {
		t.Error("two clusters have one root or gossip key")
	}
	if err := handshake(t, one.Client("pc02"), two.Server()); err != nil {
		t.Error(err)
	}
	if handshake(t, other.Client(""), two.Server()) == nil {
		t.Error("a machine of another cluster was taken")
	}
}

// A server can sign nothing that another purpose would take: not the name of a server to join, and no authority.
func TestPassportAuthorityIsLimited(t *testing.T) {
	a := open(t, t.TempDir())
	id, err := a.Server("seed")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(id["passport.crt"], id["passport.key"])
	if err != nil {
		t.Fatal(err)
	}
	cert := pair.Leaf
	if !cert.IsCA || !cert.MaxPathLenZero || !cert.PermittedDNSDomainsCritical || cert.PermittedDNSDomains[0] != spec.MachineDomain(a.Cluster()) {
		t.Errorf("it may sign more than passports: %+v", cert)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(a.Trust().TLS))
	between := x509.NewCertPool()
	root, err := x509.ParseCertificate(pair.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	between.AddCert(root)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
		t.Error("machines that ask to join would take what it signs")
	}
}
