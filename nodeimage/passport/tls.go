package passport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"viver/nodeimage/spec"
)

// The kinds of machines, as passports have them.
const (
	kindNode   = "node"
	kindServer = "server"
)

// Peer is who a passport is of.
type Peer struct {
	Name   string
	Server bool // it is one of the cluster's servers
}

// Server returns the configuration of one that takes connections from other machines, and from nobody else. It goes with the passport that
// the machine has at the time. The protocol names are those of TLS's ALPN; none: it is not used.
func (h *Holder) Server(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             protocols,
		SessionTicketsDisabled: true, // a passport is looked at each time
		ClientAuth:             tls.RequireAnyClientCert,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return h.certificate(), nil },
		VerifyConnection: func(state tls.ConnectionState) error {
			_, err := h.peer(state, x509.ExtKeyUsageClientAuth)
			return err
		},
	}
}

// Client returns the configuration of one that connects to the machine of this name; "" is any machine.
func (h *Holder) Client(name string, protocols ...string) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: protocols,
		// The library's own check is replaced by VerifyConnection, which differs in the time and in the name.
		InsecureSkipVerify:   true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return h.certificate(), nil },
		VerifyConnection: func(state tls.ConnectionState) error {
			peer, err := h.peer(state, x509.ExtKeyUsageServerAuth)
			if err == nil && name != "" && peer.Name != name {
				err = fmt.Errorf("passport: this is %s, not %s", peer.Name, name)
			}
			return err
		},
	}
	if name != "" {
		config.ServerName = spec.MachineName(h.cluster, name)
	}
	return config
}

// PeerOf returns who is at the other end of a connection that Server or Client has let come about.
func PeerOf(state tls.ConnectionState) (Peer, error) {
	if len(state.PeerCertificates) == 0 {
		return Peer{}, errors.New("passport: the other end has shown none")
	}
	return peerOf(state.PeerCertificates[0]), nil
}

func peerOf(leaf *x509.Certificate) Peer {
	units := leaf.Subject.OrganizationalUnit
	return Peer{Name: leaf.Subject.CommonName, Server: len(units) == 1 && units[0] == kindServer}
}

func (h *Holder) peer(state tls.ConnectionState, usage x509.ExtKeyUsage) (Peer, error) {
	if len(state.PeerCertificates) == 0 {
		return Peer{}, errors.New("passport: the other end has shown none")
	}
	papers, now := h.moment()
	return h.verify(papers, state.PeerCertificates, now, usage)
}

// verify checks that a chain is that of a machine of this cluster, at a time.
func (h *Holder) verify(p *papers, chain []*x509.Certificate, at time.Time, usage x509.ExtKeyUsage) (Peer, error) {
	leaf := chain[0]
	peer := peerOf(leaf)
	// One name, and the same in both places: what is shown to people is what was signed.
	if len(leaf.DNSNames) != 1 || !strings.EqualFold(leaf.DNSNames[0], spec.MachineName(h.cluster, peer.Name)) {
		return Peer{}, fmt.Errorf("passport: %.100q is no machine of this cluster", leaf.DNSNames)
	}
	if at.Before(leaf.NotBefore) { // a server has signed it since this machine had its last word from one
		at = leaf.NotBefore
	}
	options := x509.VerifyOptions{Roots: p.roots, Intermediates: x509.NewCertPool(), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage}}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	if _, err := leaf.Verify(options); err != nil {
		return Peer{}, fmt.Errorf("passport: not a machine of this cluster: %w", err)
	}
	return peer, nil
}
