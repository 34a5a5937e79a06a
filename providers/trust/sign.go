package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
)

// OperatorValidity is how long an operator's certificate is good for.
const OperatorValidity = 12 * time.Hour

// clockSkew is how far a machine's clock may be behind the operator's.
const clockSkew = 10 * time.Minute

// Operator makes a key that lives as long as the process, and certifies it for OperatorValidity from now on.
func (a *Authority) Operator(now time.Time) (ssh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("trust: make the operator's key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("trust: the operator's key: %w", err)
	}
	cert := &ssh.Certificate{
		CertType:        ssh.UserCert,
		KeyId:           "viver operator",
		ValidPrincipals: []string{spec.Principal},
		ValidAfter:      uint64(now.Add(-clockSkew).Unix()),
		ValidBefore:     uint64(now.Add(OperatorValidity).Unix()),
		Key:             signer.PublicKey(),
	}
	if err := cert.SignCert(rand.Reader, a.signer); err != nil {
		return nil, fmt.Errorf("trust: certify the operator's key: %w", err)
	}
	return ssh.NewCertSigner(cert, signer)
}

// Identity is what a server's agent needs to be believed, by file name. Names ending in .key, and host_key, are secret.
type Identity map[string][]byte

// Server makes new keys for the server of that name, and certifies them without an end: machines whose clocks stand in another
// year must believe them.
func (a *Authority) Server(name string) (Identity, error) {
	id := Identity{}
	if err := a.hostKey(id, name); err != nil {
		return nil, err
	}
	if err := a.tlsKey(id); err != nil {
		return nil, err
	}
	if err := a.passportAuthority(id, name); err != nil {
		return nil, err
	}
	return id, nil
}

func (a *Authority) hostKey(id Identity, name string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("trust: make a host key for server %s: %w", name, err)
	}
	block, err := ssh.MarshalPrivateKey(key, name)
	if err != nil {
		return fmt.Errorf("trust: encode the host key of server %s: %w", name, err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("trust: the host key of server %s: %w", name, err)
	}
	cert := &ssh.Certificate{
		CertType:        ssh.HostCert,
		KeyId:           "viver server " + name,
		ValidPrincipals: []string{name},
		ValidBefore:     ssh.CertTimeInfinity,
		Key:             public,
	}
	if err := cert.SignCert(rand.Reader, a.signer); err != nil {
		return fmt.Errorf("trust: certify the host key of server %s: %w", name, err)
	}
	id["host_key"] = pem.EncodeToMemory(block)
	id["host_key-cert.pub"] = ssh.MarshalAuthorizedKey(cert)
	return nil
}

func (a *Authority) tlsKey(id Identity) error {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("trust: make a TLS key: %w", err)
	}
	name := spec.ServerName(a.Cluster())
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		DNSNames:    []string{name},
		NotBefore:   time.Unix(0, 0),
		NotAfter:    endOfTime,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := a.sign(template, a.cert, public)
	if err != nil {
		return err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("trust: encode a TLS key: %w", err)
	}
	id["tls.crt"] = []byte(certPEM(der))
	id["tls.key"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	return nil
}

// endOfTime is what RFC 5280 section 4.1.2.5 has for certificates without an end.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

func selfSign(key ed25519.PrivateKey) (*x509.Certificate, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "viver cluster " + clusterID(key)},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              endOfTime,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := (&Authority{key: key}).sign(template, template, key.Public())
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("trust: the cluster's certificate: %w", err)
	}
	return cert, nil
}

func (a *Authority) sign(template, parent *x509.Certificate, public any) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("trust: a certificate's number: %w", err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("trust: sign a certificate: %w", err)
	}
	return der, nil
}
