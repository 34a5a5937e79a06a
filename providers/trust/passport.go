package trust

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"viver/nodeimage/spec"
)

// passportAuthority gives the server of that name an authority of its own, with which it signs passports for the machines that it
// lets in, and the cluster's gossip key.
func (a *Authority) passportAuthority(id Identity, name string) error {
	root, err := a.passportRoot()
	if err != nil {
		return err
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("trust: make the key of server %s for passports: %w", name, err)
	}
	template := a.passportTemplate("viver server " + name)
	template.MaxPathLenZero = true
	der, err := a.sign(template, root, public)
	if err != nil {
		return err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("trust: encode the key of server %s for passports: %w", name, err)
	}
	id["passport.crt"] = []byte(certPEM(der) + certPEM(root.Raw))
	id["passport.key"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	id["gossip.key"], err = hkdf.Key(sha256.New, a.key.Seed(), nil, "viver gossip key 1", 32)
	return err
}

// passportRoot is where the chains of all machines end. It is made anew each time, and the same each time: it follows from the key alone, so
// there is no file that could be missing in clusters of an earlier version. It is not ca.crt, because that one allows no other
// authorities below itself, for the good of those who ask to join.
func (a *Authority) passportRoot() (*x509.Certificate, error) {
	template := a.passportTemplate("viver machines of " + a.Cluster())
	template.MaxPathLen = 1
	sum := sha256.Sum256(a.key.Public().(ed25519.PublicKey))
	template.SerialNumber = new(big.Int).SetBytes(sum[:15])
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("trust: the root of passports: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("trust: the root of passports: %w", err)
	}
	return cert, nil
}

// passportTemplate is an authority for machines' names and for nothing else, without an end: clocks may stand anywhere.
func (a *Authority) passportTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:                     pkix.Name{CommonName: name},
		NotBefore:                   time.Unix(0, 0),
		NotAfter:                    endOfTime,
		IsCA:                        true,
		BasicConstraintsValid:       true,
		KeyUsage:                    x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{spec.MachineDomain(a.Cluster())},
	}
}
