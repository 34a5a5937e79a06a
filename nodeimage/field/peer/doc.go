// Package peer is the wire between the members of a field: chunks over NBD, and what a member tells of itself over a connection of its
// own. Both are under mutual TLS, unless there are no certificates.
//
// It owns how bytes travel, and no decision: what is asked of whom is for package field, who is a member for package gossip.
//
// # Blocks
//
// Every member is an ordinary NBD server. An image is exported twice: under its ID it is whole, for any NBD client; under its ID
// and "/share", for members, it has only what the member holds or is to hold, and other reads fail. A seed may have the first only.
//
// # Control
//
// Who connects says nothing. The other end sends the eight bytes of magic, its ID behind a byte of length, and then frames, at least one each
// second: four bytes of length (big endian, at most maxFrame) and a field.Message as JSON. Messages of kinds that are not known are left out.
// The ID tells a machine's lives apart: a process that was started again answers at the address of the one that is dead.
package peer

import (
	"crypto/tls"
	"log/slog"

	"viver/nodeimage/spec"
)

// Identity is what a machine proves itself with, and others. passport.Holder is one.
type Identity interface {
	// Client returns the configuration for connecting to the machine of this name.
	Client(name string, protocols ...string) *tls.Config
	// Server returns the configuration for those who connect.
	Server(protocols ...string) *tls.Config
}

// protocol is the name of the control connection in TLS (ALPN).
const protocol = "viver-field/1"

// shareExport returns the name under which the share of an image is exported.
func shareExport(image spec.Digest) string { return string(image) + "/share" }

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
