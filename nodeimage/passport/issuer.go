package passport

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"viver/nodeimage/spec"
)

// GossipKeySize is the length of the cluster's gossip key, in bytes.
const GossipKeySize = 32

// Issuer is a server's authority. It is safe for concurrent use.
type Issuer struct {
	cluster string
	cert    *x509.Certificate
	root    *x509.Certificate
	key     crypto.Signer
	gossip  []byte
}

// NewIssuer reads what the operator's side gives a server: its certificate and the root after it, its key (both PEM), and the gossip key.
func NewIssuer(cluster string, chain, key, gossip []byte) (*Issuer, error) {
	certs, err := certificates(chain)
	if err != nil {
		return nil, err
	}
	signer, err := privateKey(key)
	if err != nil {
		return nil, err
	}
	switch {
	case len(certs) != 2 || !certs[0].IsCA || certs[0].CheckSignatureFrom(certs[1]) != nil:
		return nil, errors.New("passport: the server's authority is not a certificate and the root that has signed it")
	case !isOf(certs[0], signer):
		return nil, errors.New("passport: the server's authority is not of the key beside it")
	case len(gossip) != GossipKeySize:
		return nil, fmt.Errorf("passport: the gossip key has %d bytes, not %d", len(gossip), GossipKeySize)
	}
	return &Issuer{cluster: cluster, cert: certs[0], root: certs[1], key: signer, gossip: gossip}, nil
}

// Sign makes a passport for a node that was admitted: for this name and this public key (PKIX, DER), from now on, for Lifetime.
func (i *Issuer) Sign(name string, public []byte, now time.Time) (*spec.Passport, error) {
	key, err := PublicKey(public)
	if err != nil {
		return nil, err
	}
	return i.sign(name, kindNode, key, now, now.Add(Lifetime))
}

// Own makes a passport for the server itself, which needs no renewal, and a key to it (PKCS #8, PEM).
func (i *Issuer) Own(name string, now time.Time) (p *spec.Passport, key string, err error) {
	public, private, err := NewKey()
	if err != nil {
		return nil, "", err
	}
	parsed, err := PublicKey(public)
	if err != nil {
		return nil, "", err
	}
	p, err = i.sign(name, kindServer, parsed, now, forever)
	return p, private, err
}

func (i *Issuer) sign(name, kind string, public ed25519.PublicKey, now, until time.Time) (*spec.Passport, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("passport: a certificate's number: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, OrganizationalUnit: []string{kind}},
		DNSNames:     []string{spec.MachineName(i.cluster, name)},
		NotBefore:    now.Add(-skew),
		NotAfter:     until,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  usages,
	}, i.cert, public, i.key)
	if err != nil {
		return nil, fmt.Errorf("passport: sign one for %s: %w", name, err)
	}
	return &spec.Passport{Chain: toPEM(der) + toPEM(i.cert.Raw), Root: toPEM(i.root.Raw), Gossip: i.gossip}, nil
}

func toPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
