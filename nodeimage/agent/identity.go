package agent

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
)

// credentials are an identity with its keys.
type credentials struct {
	spec.Identity
	hostKey   ssh.Signer // with its certificate
	authority ssh.PublicKey
	tls       tls.Certificate
	issuer    *passport.Issuer // nil: the identity is of an earlier version
}

// loadCredentials reads the identity of the server whose data folder is dir.
func loadCredentials(dir string) (*credentials, error) {
	dir = filepath.Join(dir, spec.IdentityDir)
	data, err := os.ReadFile(filepath.Join(dir, spec.IdentityFile))
	if err != nil {
		return nil, fmt.Errorf("agent: this machine has no identity yet, viver apply gives it one: %w", err)
	}
	c := new(credentials)
	if err := spec.Decode(data, &c.Identity); err != nil {
		return nil, fmt.Errorf("agent: %s: %w", spec.IdentityFile, err)
	}
	if c.Cluster == "" || c.Name == "" {
		return nil, fmt.Errorf("agent: %s names no cluster or no server: run viver apply again", filepath.Join(dir, spec.IdentityFile))
	}
	if c.authority, err = authorityOf(c.Trust); err != nil {
		return nil, err
	}
	if c.hostKey, err = loadHostKey(filepath.Join(dir, "host_key")); err != nil {
		return nil, fmt.Errorf("agent: the SSH host key: %w", err)
	}
	if c.tls, err = tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")); err != nil {
		return nil, fmt.Errorf("agent: the TLS certificate: %w", err)
	}
	if c.issuer, err = loadIssuer(dir, c.Cluster); err != nil {
		return nil, fmt.Errorf("agent: what passports are signed with: %w", err)
	}
	return c, nil
}

// loadIssuer reads what passports are signed with; nil where there is nothing of it.
func loadIssuer(dir, cluster string) (*passport.Issuer, error) {
	files := make([][]byte, 3)
	for i, name := range []string{"passport.crt", "passport.key", "gossip.key"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if i == 0 && errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		files[i] = data
	}
	return passport.NewIssuer(cluster, files[0], files[1], files[2])
}

// authorityOf returns the key that signs the operators' certificates.
func authorityOf(t spec.Trust) (ssh.PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(t.SSH))
	if err != nil {
		return nil, fmt.Errorf("agent: the SSH key of the cluster's authority: %w", err)
	}
	return key, nil
}

// loadHostKey reads a private key and the host certificate beside it.
func loadHostKey(name string) (ssh.Signer, error) {
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	line, err := os.ReadFile(name + "-cert.pub")
	if err != nil {
		return nil, err
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return nil, fmt.Errorf("%s-cert.pub: %w", name, err)
	}
	cert, ok := public.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("%s-cert.pub is a %s, not a certificate", name, public.Type())
	}
	return ssh.NewCertSigner(cert, key)
}
