package peer_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/field/peer"
)

// authority signs certificates for machines.
type authority struct {
	t    *testing.T
	key  ed25519.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	_, a.key, _ = ed25519.GenerateKey(nil)
	a.cert = a.sign(a.cert, a.key.Public())
	return a
}

func (a *authority) sign(template *x509.Certificate, public any) *x509.Certificate {
	der, err := x509.CreateCertificate(nil, template, a.cert, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// identity is a machine's certificate. It implements peer.Identity.
type identity struct {
	cert tls.Certificate
	pool *x509.CertPool
}

func (a *authority) identity(name string) *identity {
	public, key, _ := ed25519.GenerateKey(nil)
	cert := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, public)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &identity{tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, pool}
}

func (i *identity) Client(name string, protocols ...string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.cert}, RootCAs: i.pool, ServerName: name, NextProtos: protocols}
}

func (i *identity) Server(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.cert}, ClientCAs: i.pool, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: protocols,
	}
}

// TestMutualTLS has a member read from another under TLS, and refuses those who are not what they say.
func TestMutualTLS(t *testing.T) {
	id, root, data := makeImage(6)
	a := newAuthority(t)
	seed, stopSeed := startSeed(t, a.identity("seed"), id, data)
	defer stopSeed()
	m := start(t, "pc1", a.identity("pc1"), id, root, seed)
	defer m.stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	reader := start(t, "pc2", a.identity("pc2"), id, root, m.member)
	defer reader.stop()
	if err := reader.readAll(ctx, data); err != nil {
		t.Error(err)
	}
	for name, dialer := range map[string]*peer.Dialer{
		"without a certificate":      {},
		"of another authority":       {TLS: newAuthority(t).identity("pc2")},
		"that takes it for somebody": {TLS: renamed{a.identity("pc2")}},
	} {
		limited, cancel := context.WithTimeout(ctx, time.Second) // who says nothing is waited for longer
		link, err := dialer.Dial(limited, m.member, func(field.Message) { t.Errorf("a member %s is told something", name) })
		cancel()
		if err == nil {
			link.Close()
			t.Errorf("a member %s is let in", name)
		}
	}
	bare := m.member
	bare.Control = "" // blocks are refused, too
	link, err := (&peer.Dialer{}).Dial(ctx, bare, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if err := link.Read(ctx, id, 0, make([]byte, 4096)); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("blocks are given in the clear: %v", err)
	}
}

// renamed expects another name than that which the member has.
type renamed struct{ *identity }

func (r renamed) Client(name string, protocols ...string) *tls.Config {
	return r.identity.Client("not-"+name, protocols...)
}
