package station_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"viver/nodeimage/field/member"
	"viver/nodeimage/nbd"
	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
)

const cluster = "0123456789abcdef"

// world is a cluster's authority and a seed on loopback.
type world struct {
	t      *testing.T
	trust  spec.Trust
	issuer *passport.Issuer
	image  spec.Digest
	root   spec.Root
	data   []byte
	hint   string
}

func newWorld(t *testing.T, chunks int) *world {
	w := &world{t: t, data: make([]byte, chunks*spec.ChunkSize)}
	_, _ = rand.NewChaCha8([32]byte{}).Read(w.data)
	w.image, w.root.Size = spec.DigestOf(w.data), int64(len(w.data))
	for off := 0; off < len(w.data); off += spec.ChunkSize {
		w.root.Chunks = append(w.root.Chunks, spec.DigestOf(w.data[off:off+spec.ChunkSize]))
	}
	w.found()
	w.seed()
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// found makes the authority, and the one that a server has of it.
func (w *world) found() {
	public, key, _ := ed25519.GenerateKey(nil)
	sign := func(template, parent *x509.Certificate, public any) (*x509.Certificate, string) {
		template.SerialNumber, template.IsCA, template.BasicConstraintsValid = big.NewInt(1), true, true
		template.NotBefore, template.NotAfter, template.KeyUsage = time.Unix(0, 0), time.Now().AddDate(10, 0, 0), x509.KeyUsageCertSign
		der, err := x509.CreateCertificate(nil, template, parent, public, key)
		check(w.t, err)
		c, err := x509.ParseCertificate(der)
		check(w.t, err)
		return c, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	domains := []string{spec.MachineDomain(cluster)}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "ca"}, MaxPathLenZero: true}
	_, w.trust.TLS = sign(ca, ca, public)
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "root"}, MaxPathLen: 1, PermittedDNSDomains: domains, PermittedDNSDomainsCritical: true}
	root, rootText := sign(template, template, public)
	servers, serverKey, _ := ed25519.GenerateKey(nil)
	_, chain := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, MaxPathLenZero: true, PermittedDNSDomains: domains, PermittedDNSDomainsCritical: true,
	}, root, servers)
	der, err := x509.MarshalPKCS8PrivateKey(serverKey)
	check(w.t, err)
	w.issuer, err = passport.NewIssuer(cluster, []byte(chain+rootText), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), make([]byte, passport.GossipKeySize))
	check(w.t, err)
}

// memory is a device.
type memory []byte

func (m memory) ReadAt(_ context.Context, p []byte, off int64) error { copy(p, m[off:]); return nil }
func (m memory) Size() int64                                         { return int64(len(m)) }

// seed serves the image until the test ends.
func (w *world) seed() {
	p, key, err := w.issuer.Own("seed", time.Now())
	check(w.t, err)
	holder, err := passport.NewHolder(cluster, w.trust, key, *p, nil)
	check(w.t, err)
	l, err := net.Listen("tcp", "127.77.0.1:0")
	check(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	w.t.Cleanup(func() { cancel(); parts.Wait() })
	parts.Go(func() {
		s := nbd.Server{Exports: map[string]nbd.Device{string(w.image): memory(w.data)}, TLS: holder.Server()}
		if err := s.Serve(ctx, l); err != nil {
			w.t.Error(err)
		}
	})
	ready := make(chan netip.AddrPort, 1)
	parts.Go(func() {
		err := member.Announce(ctx, member.Seed{
			Name: "seed", Boot: "1", GossipKey: p.Gossip, Blocks: l.Addr().(*net.TCPAddr).AddrPort(), Ready: func(a netip.AddrPort) { ready <- a },
		})
		if err != nil {
			w.t.Error(err)
		}
	})
	w.hint = (<-ready).String()
}

// same reports whether p is what the image has.
func (w *world) same(p []byte) bool { return bytes.Equal(p, w.data) }
