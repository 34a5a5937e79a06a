package passport

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"viver/nodeimage/spec"
)

// afterwards is how long others are believed, by a holder that was without a server for long, after it has found one: they will find it too.
const afterwards = 10 * time.Minute

// Holder is a machine with its passport. It is safe for concurrent use.
type Holder struct {
	cluster string
	key     crypto.Signer
	issuer  *x509.Certificate // the bundle's; roots are of the same key
	now     func() time.Time

	mu      sync.Mutex // guards the rest
	current *papers
	// until is when the time of the last passport but one ceases to count: see afterwards.
	until, former time.Time
}

// papers are a passport, read. They do not change.
type papers struct {
	pair   tls.Certificate
	roots  *x509.CertPool
	begins time.Time // when it was signed, by the server's clock
	middle time.Time // half of its life later
}

// NewHolder begins with a passport. key is the private key to it (PKCS #8, PEM), trust what the bundle or the identity says; now nil is time.Now.
func NewHolder(cluster string, trust spec.Trust, key string, p spec.Passport, now func() time.Time) (*Holder, error) {
	signer, err := privateKey([]byte(key))
	if err != nil {
		return nil, err
	}
	issuer, err := certificates([]byte(trust.TLS))
	if err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	h := &Holder{cluster: cluster, key: signer, issuer: issuer[0], now: now}
	return h, h.Put(p)
}

// Put takes a new passport in place of the old one. Connections that exist stay as they are.
func (h *Holder) Put(p spec.Passport) error {
	fresh, err := h.read(p)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current != nil {
		if now := h.now(); now.After(h.current.middle) {
			h.until, h.former = now.Add(afterwards), h.current.middle
		}
	}
	h.current = fresh
	return nil
}

// read checks that a passport is one of this machine, in this cluster.
func (h *Holder) read(p spec.Passport) (*papers, error) {
	root, err := certificates([]byte(p.Root))
	if err != nil {
		return nil, err
	}
	chain, err := certificates([]byte(p.Chain))
	if err != nil {
		return nil, err
	}
	switch leaf := chain[0]; {
	case len(root) != 1 || string(root[0].RawSubjectPublicKeyInfo) != string(h.issuer.RawSubjectPublicKeyInfo):
		return nil, errors.New("passport: its root is not of this cluster's authority")
	case !isOf(leaf, h.key):
		return nil, errors.New("passport: it is for another key than this machine's")
	case len(p.Gossip) != GossipKeySize:
		return nil, fmt.Errorf("passport: its gossip key has %d bytes, not %d", len(p.Gossip), GossipKeySize)
	}
	leaf := chain[0]
	begins := leaf.NotBefore.Add(skew)
	r := &papers{pair: tls.Certificate{PrivateKey: h.key, Leaf: leaf}, roots: x509.NewCertPool(), begins: begins, middle: begins.Add(leaf.NotAfter.Sub(begins) / 2)}
	r.roots.AddCert(root[0])
	for _, c := range chain {
		r.pair.Certificate = append(r.pair.Certificate, c.Raw)
	}
	if _, err := h.verify(r, chain, r.begins, x509.ExtKeyUsageClientAuth); err != nil {
		return nil, err
	}
	return r, nil
}

// RenewAt is when the machine should ask for another passport than p; the zero time, which is long past, if p cannot be read.
func RenewAt(p spec.Passport) time.Time {
	chain, err := certificates([]byte(p.Chain))
	if err != nil {
		return time.Time{}
	}
	return chain[0].NotBefore.Add(skew + Renew)
}

// Name returns the name of this machine, by its passport.
func (h *Holder) Name() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return peerOf(h.current.pair.Leaf).Name
}

// moment is the time by which others are judged. It is the clock's, but neither before this machine's passport was signed nor later than
// half of its life after that: a machine that gets no new one for so long has had no word from a server, and does not know who was taken
// out of the cluster since.
func (h *Holder) moment() (*papers, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	switch p := h.current; {
	case now.Before(h.until):
		return p, h.former
	case now.Before(p.begins):
		return p, p.begins
	case now.After(p.middle):
		return p, p.middle
	default:
		return p, now
	}
}

func (h *Holder) certificate() *tls.Certificate {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &h.current.pair
}
