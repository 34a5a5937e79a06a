// Package passport is how the machines of a cluster know one another: certificates that live for a day, which a server signs for each
// machine that has joined, and the TLS between machines that comes of them.
//
// # Who signs what
//
// The cluster's authority (package trust, at the operator's) gives each server an authority of its own, an intermediate one, which can sign
// names below spec.MachineDomain only. With it the server signs a certificate for the name of each machine that it admits, for a key which
// that machine has made in its RAM (Issuer), and a new one before that expires. All chains end in a root beside the one that the bundle
// names: the same key, another certificate. The bundle's root allows no intermediate authorities, so nothing that is signed here can
// pass for a server that is asked to join, with this version's check or an older one's.
//
// # When no server is there
//
// A certificate expires so that a machine which was taken out of the cluster loses its place within a day. Only servers know who was taken
// out; when none of them can be reached, the machines go on without: the age of a certificate is judged by the time of the last word
// from a server, not by the clock (see Holder.moment). Nobody is locked out by the seed's absence, be it for months, and a machine whose
// clock is wrong is no exception. When a server is back, all renew their passports within a minute; those that have done so believe the
// others for ten minutes more. Machines that come anew need a server, or a deputy, which a server has given its authority: its word is a server's.
package passport

import (
	"crypto/x509"
	"time"
)

const (
	// Lifetime is how long a passport of a node is good. Renew is when it wants another: that leaves most of a day to find a server.
	Lifetime = 24 * time.Hour
	Renew    = Lifetime / 3

	// skew is how far the clocks of two machines may differ: a passport begins so long before it was signed.
	skew = 10 * time.Minute
)

// forever is for servers, which sign their own: RFC 5280 section 4.1.2.5 has this for certificates without an end.
var forever = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

var usages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
