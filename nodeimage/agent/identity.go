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
	keys      spec.ServerKeys  // the same as text, for deputies
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
	if c.keys, err = loadKeys(dir); err != nil {
		return nil, fmt.Errorf("agent: what machines are let in with: %w", err)
	}
	c.keys.Server = c.Name
	c.tls, c.issuer, err = readKeys(c.Cluster, c.keys)
	return c, err
}

// loadKeys reads what machines are let in with. There is nothing for passports in an identity of an earlier version.
func loadKeys(dir string) (k spec.ServerKeys, err error) {
	var gossip string
	for _, file := range []struct {
		name string
		to   *string
	}{{"tls.crt", &k.TLS}, {"tls.key", &k.TLSKey}, {"passport.crt", &k.Passport}, {"passport.key", &k.PassportKey}, {"gossip.key", &gossip}} {
		data, err := os.ReadFile(filepath.Join(dir, file.name))
		if file.to == &k.Passport && errors.Is(err, fs.ErrNotExist) {
			return k, nil
		}
		if err != nil {
			return k, err
		}
		*file.to = string(data)
	}
	k.Gossip = []byte(gossip)
	return k, nil
}

// readKeys makes of keys what machines are let in with. The issuer is nil if passports cannot be signed.
func readKeys(cluster string, k spec.ServerKeys) (cert tls.Certificate, issuer *passport.Issuer, err error) {
	if cert, err = tls.X509KeyPair([]byte(k.TLS), []byte(k.TLSKey)); err != nil {
		return cert, nil, fmt.Errorf("agent: the TLS certificate: %w", err)
	}
	if k.Passport == "" {
		return cert, nil, nil
	}
	if issuer, err = passport.NewIssuer(cluster, []byte(k.Passport), []byte(k.PassportKey), k.Gossip); err != nil {
		return cert, nil, fmt.Errorf("agent: what passports are signed with: %w", err)
	}
	return cert, issuer, nil
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
