package join

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"viver/nodeimage/spec"
)

// trustOnly accepts servers of the cluster whose CA (one certificate, PEM) stands in the bundle, and no others.
//
// A certificate's age cannot be checked: the clock of a PC may stand in any year, and the true time is only known once a
// server was believed. So the moment of the check is the machine's time, moved into the certificate's own time if it lies
// outside. Chain, name and purpose are checked as ever, and the CA's time too.
func trustOnly(ca, cluster string) (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(ca)) {
		return nil, errors.New("join: the bundle has no CA certificate that can be read")
	}
	verify := func(state tls.ConnectionState) error {
		leaf := state.PeerCertificates[0] // crypto/tls refuses servers without one
		options := x509.VerifyOptions{
			Roots: roots, Intermediates: x509.NewCertPool(), DNSName: spec.ServerName(cluster),
			CurrentTime: moment(time.Now(), leaf.NotBefore, leaf.NotAfter),
			KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		for _, c := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(c)
		}
		if _, err := leaf.Verify(options); err != nil {
			return fmt.Errorf("not a server of this cluster: %w", err)
		}
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: spec.ServerName(cluster),
		// The library's own check is replaced by verify, which differs in the time only.
		InsecureSkipVerify: true,
		VerifyConnection:   verify,
	}, nil
}

// moment returns now, moved between from and to.
func moment(now, from, to time.Time) time.Time {
	switch {
	case now.Before(from):
		return from
	case now.After(to):
		return to
	}
	return now
}
