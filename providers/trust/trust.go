// Package trust owns the cluster's certificate authority: one ed25519 key beside the state, made by the first apply. It signs the
// operator's SSH user certificates, the servers' SSH host certificates and their TLS certificates, and the authorities with which servers
// sign passports (package nodeimage/passport). It hands out public halves and signatures; the private key leaves neither the package
// nor its file.
package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
)

// Authority is a cluster's certificate authority. It is safe for concurrent use.
type Authority struct {
	key    ed25519.PrivateKey
	signer ssh.Signer
	cert   *x509.Certificate
}

// Open loads the authority in dir, or makes one where there is none. Only the first apply of a cluster should make one.
func Open(dir string) (*Authority, error) {
	a, err := Load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("trust: make the cluster's key: %w", err)
	}
	cert, err := selfSign(key)
	if err != nil {
		return nil, err
	}
	a, err = newAuthority(key, cert)
	if err != nil {
		return nil, err
	}
	return a, a.save(dir)
}

func newAuthority(key ed25519.PrivateKey, cert *x509.Certificate) (*Authority, error) {
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("trust: the cluster's key: %w", err)
	}
	return &Authority{key: key, signer: signer, cert: cert}, nil
}

// Cluster is the cluster's ID, as spec.Bundle has it.
func (a *Authority) Cluster() string { return clusterID(a.key) }

func clusterID(key ed25519.PrivateKey) string {
	sum := sha256.Sum256(key.Public().(ed25519.PublicKey))
	return hex.EncodeToString(sum[:8])
}

// Trust is the public half, for everybody.
func (a *Authority) Trust() spec.Trust {
	return spec.Trust{SSH: authorizedKey(a.signer.PublicKey()), TLS: certPEM(a.cert.Raw)}
}

// PublicKey is the key that signs SSH certificates.
func (a *Authority) PublicKey() ssh.PublicKey { return a.signer.PublicKey() }
