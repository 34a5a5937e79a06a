package trust

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/crypto/ssh"
)

// The files of an authority. The key is written last: where it is, the others are too.
const (
	keyFile    = "ca.key" // PKCS #8, PEM
	publicFile = "ca.pub" // form of authorized_keys
	certFile   = "ca.crt" // PEM
)

// Load reads the authority in dir. The error is fs.ErrNotExist where there is none.
func Load(dir string) (*Authority, error) {
	name := filepath.Join(dir, keyFile)
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("trust: the cluster's key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("trust: %s can be read by others (mode %04o): whoever has it owns the cluster; run chmod 600 %s, and make a new cluster if it was read",
			name, mode, name)
	}
	der, err := readPEM(name, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("trust: %s: %w", name, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("trust: %s holds a key of the kind %T, not ed25519", name, parsed)
	}
	cert, err := loadCertificate(filepath.Join(dir, certFile), key)
	if err != nil {
		return nil, err
	}
	return newAuthority(key, cert)
}

func loadCertificate(name string, key ed25519.PrivateKey) (*x509.Certificate, error) {
	der, err := readPEM(name, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("trust: %s: %w", name, err)
	}
	if public, ok := cert.PublicKey.(ed25519.PublicKey); !ok || !public.Equal(key.Public()) {
		return nil, fmt.Errorf("trust: %s is not of the key beside it: put both back from one backup", name)
	}
	return cert, nil
}

func readPEM(name, kind string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		// Not wrapped as it is: a missing certificate beside a key must not look like a cluster that does not exist yet.
		return nil, fmt.Errorf("trust: read the cluster's authority: %v", err)
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("trust: %s does not hold one %q in PEM: put it back from a backup", name, kind)
	}
	return block.Bytes, nil
}

func (a *Authority) save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("trust: make the folder of the cluster's authority: %w", err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return fmt.Errorf("trust: encode the cluster's key: %w", err)
	}
	trust := a.Trust()
	for _, f := range []struct {
		name string
		data []byte
		mode os.FileMode
	}{
		{publicFile, []byte(trust.SSH + "\n"), 0o644},
		{certFile, []byte(trust.TLS), 0o644},
		{keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600},
	} {
		if err := renameio.WriteFile(filepath.Join(dir, f.name), f.data, f.mode, renameio.IgnoreUmask()); err != nil {
			return fmt.Errorf("trust: keep the cluster's authority: %w", err)
		}
	}
	return nil
}

// authorizedKey is key as one line in the form of authorized_keys, without the line break.
func authorizedKey(key ssh.PublicKey) string {
	return string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)))
}

func certPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
