package passport

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const (
	maxPublicKey = 128 // bytes
	maxChain     = 8   // certificates
)

// NewKey makes the key to a machine's passport: the public half as spec.JoinRequest has it, the private one as PKCS #8, PEM.
func NewKey() (public []byte, private string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("passport: make a key: %w", err)
	}
	if public, err = x509.MarshalPKIXPublicKey(pub); err != nil {
		return nil, "", fmt.Errorf("passport: encode a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", fmt.Errorf("passport: encode a key: %w", err)
	}
	return public, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// PublicKey reads the public key that a machine wants a passport for: ed25519, and nothing else.
func PublicKey(der []byte) (ed25519.PublicKey, error) {
	if len(der) > maxPublicKey {
		return nil, fmt.Errorf("passport: a public key of %d bytes", len(der))
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("passport: a public key: %w", err)
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("passport: a public key of the kind %T, not ed25519", parsed)
	}
	return key, nil
}

func privateKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("passport: there is no private key in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("passport: a private key: %w", err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("passport: a private key of the kind %T, not ed25519", parsed)
	}
	return key, nil
}

// certificates reads one or more certificates, PEM.
func certificates(text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for len(bytes.TrimSpace(text)) > 0 {
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" || len(list) == maxChain {
			return nil, errors.New("passport: these are no certificates in PEM")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("passport: a certificate: %w", err)
		}
		list, text = append(list, cert), rest
	}
	if len(list) == 0 {
		return nil, errors.New("passport: there is no certificate")
	}
	return list, nil
}

func isOf(cert *x509.Certificate, key crypto.Signer) bool {
	public, ok := cert.PublicKey.(ed25519.PublicKey)
	return ok && public.Equal(key.Public())
}
