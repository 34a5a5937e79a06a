package nbd_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"testing"
	"time"

	wire "viver/nodeimage/nbd"
	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
	"viver/pacs/nbd"
)

const cluster = "0123456789abcdef" // as start has it

// issuer is a cluster's authority, and a server's which it has signed.
func issuer(t *testing.T) (spec.Trust, *passport.Issuer) {
	t.Helper()
	_, key, _ := ed25519.GenerateKey(nil)
	root := certificate(t, "root", nil, key.Public(), key)
	public, between, _ := ed25519.GenerateKey(nil)
	chain := certificate(t, "server", root, public, key)
	der, err := x509.MarshalPKCS8PrivateKey(between)
	if err != nil {
		t.Fatal(err)
	}
	i, err := passport.NewIssuer(cluster, append(encode(chain), encode(root)...),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), make([]byte, passport.GossipKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return spec.Trust{TLS: string(encode(root))}, i
}

func certificate(t *testing.T, name string, parent *x509.Certificate, public, key any) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(nil, template, parent, public, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// A server with a passport serves other machines under TLS, and those without one in the clear, as ever.
func TestServesMachinesWithPassports(t *testing.T) {
	dir, id, root := putImage(t)
	trust, authority := issuer(t)
	own, key, err := authority.Own("seed", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := start(dir, fmt.Sprintf(`{"listen": "127.0.0.1:0", "images": [%q]}`, id))
	s.Trust, s.Passport, s.Key = trust, own, key
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan int, 1), make(chan error, 1)
	go func() {
		done <- nbd.Run(ctx, s, func(e spec.UnitEvent) { ready <- e.Ready.Services[0].Port }, nil)
	}()
	defer func() { cancel(); <-done }()
	var address string
	select {
	case port := <-ready:
		address = fmt.Sprintf("127.0.0.1:%d", port)
	case err := <-done:
		done <- err
		t.Fatal(err)
	}
	public, private, err := passport.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	p, err := authority.Sign("pc01", public, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	node, err := passport.NewHolder(cluster, trust, private, *p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, dial := range map[string]func() (*wire.Client, error){
		"under TLS":    func() (*wire.Client, error) { return wire.DialTLS(ctx, address, string(id), node.Client("seed")) },
		"in the clear": func() (*wire.Client, error) { return wire.Dial(ctx, address, string(id)) },
	} {
		c, err := dial()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := make([]byte, len(root))
		if err := c.ReadAt(ctx, got, 0); err != nil || !bytes.Equal(got, root) {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
	s.Key = private
	if err := nbd.Run(t.Context(), s, func(spec.UnitEvent) { t.Error("it is ready") }, nil); err == nil {
		t.Error("a passport with another key was taken")
	}
}
