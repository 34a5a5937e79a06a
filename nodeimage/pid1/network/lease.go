package network

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Lease is the address that a machine has on one interface, and what came with it.
type Lease struct {
	Interface string       `json:"interface"`
	MAC       string       `json:"mac"` // lower case with colons
	Address   netip.Prefix `json:"address"`
	Router    netip.Addr   `json:"router"` // zero: none
	DNS       []netip.Addr `json:"dns,omitempty"`
	Domain    string       `json:"domain,omitempty"`
	// Server is the DHCP server; zero: the address is a link-local one that the machine took itself.
	Server netip.Addr `json:"server"`
	// Taken is when the lease began, on the clock that Now reads. Renew (T1), Rebind (T2) and Length count from there.
	Taken  time.Duration `json:"taken"`
	Renew  time.Duration `json:"renew"`
	Rebind time.Duration `json:"rebind"`
	Length time.Duration `json:"length"`
}

// LinkLocal reports whether no DHCP server gave the address.
func (l Lease) LinkLocal() bool { return !l.Server.IsValid() }

// ResolvConf returns the content of /etc/resolv.conf, or "" when the lease names no DNS server.
func (l Lease) ResolvConf() string {
	if len(l.DNS) == 0 {
		return ""
	}
	var b strings.Builder
	if l.Domain != "" {
		fmt.Fprintf(&b, "search %s\n", l.Domain)
	}
	for _, a := range l.DNS {
		fmt.Fprintf(&b, "nameserver %s\n", a)
	}
	return b.String()
}
