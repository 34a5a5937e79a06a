package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/grandcat/zeroconf"
)

// round is how long one query runs before it is begun anew: zeroconf reports each instance once and never that it went away.
const round = 30 * time.Second

// retry is the pause after a query that could not be begun, mostly because no link is up yet.
const retry = time.Second

// maxText and maxTextBytes bound what is taken of an answer: anybody on the link can send one.
const (
	maxText      = 32
	maxTextBytes = 255
)

// Found is an instance of a service that answered. It is a hint: nothing of it is authenticated.
type Found struct {
	Instance  string           // the machine's name
	Addresses []netip.AddrPort // IPv4 first; never empty
	Text      []string         // TXT strings, "key=value"
}

// Value returns the value of the first TXT string "key=value", or "".
func (f Found) Value(key string) string {
	for _, s := range f.Text {
		if k, v, ok := strings.Cut(s, "="); ok && k == key {
			return v
		}
	}
	return ""
}

// Browse calls found for each instance of service ("_nbd._tcp") in the cluster, about every 30 seconds again for as long as
// the instance answers, until ctx ends; it then returns nil. It keeps trying while there is no network. found is
// called by one goroutine at a time.
func Browse(ctx context.Context, service, cluster string, found func(Found)) error {
	if !strings.HasPrefix(service, "_") {
		return fmt.Errorf("discovery: browse %q: want a DNS-SD type such as _nbd._tcp", service)
	}
	for ctx.Err() == nil {
		pause := time.Duration(0)
		if err := browseOnce(ctx, service, cluster, found); err != nil {
			pause = retry
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// browseOnce runs one query. zeroconf sends to the channel without a look at its context, so it is drained until it is closed.
func browseOnce(ctx context.Context, service, cluster string, found func(Found)) error {
	ctx, cancel := context.WithTimeout(ctx, round)
	defer cancel()
	resolver, err := newResolver()
	if err != nil {
		return err
	}
	entries := make(chan *zeroconf.ServiceEntry)
	if err := resolver.Browse(ctx, service, domain, entries); err != nil {
		cancel()
		for range entries { // closed once the resolver has stopped
		}
		return fmt.Errorf("discovery: browse %s: %w", service, err)
	}
	for e := range entries {
		if f := fromEntry(e); f.Value("cluster") == cluster && len(f.Addresses) > 0 {
			found(f)
		}
	}
	return nil
}

// newResolver asks over both families, or over IPv4 alone where the kernel has no IPv6.
func newResolver() (*zeroconf.Resolver, error) {
	ifaces, err := multicastInterfaces()
	if err != nil {
		return nil, err
	}
	if len(ifaces) == 0 { // zeroconf would take all of them
		return nil, errors.New("discovery: no link is up")
	}
	if r, err := zeroconf.NewResolver(zeroconf.SelectIfaces(ifaces)); err == nil {
		return r, nil
	}
	r, err := zeroconf.NewResolver(zeroconf.SelectIfaces(ifaces), zeroconf.SelectIPTraffic(zeroconf.IPv4))
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	return r, nil
}

// fromEntry takes what is usable of an answer. Link-local IPv6 addresses come without their zone, so nobody could dial them.
func fromEntry(e *zeroconf.ServiceEntry) Found {
	f := Found{Instance: e.Instance}
	if e.Port < 1 || e.Port > 65535 {
		return f
	}
	for _, ip := range slices.Concat(e.AddrIPv4, e.AddrIPv6) {
		a, ok := netip.AddrFromSlice(ip)
		if a = a.Unmap(); ok && usable(a) {
			f.Addresses = append(f.Addresses, netip.AddrPortFrom(a, uint16(e.Port)))
		}
	}
	for _, s := range e.Text[:min(len(e.Text), maxText)] {
		f.Text = append(f.Text, s[:min(len(s), maxTextBytes)])
	}
	return f
}

func usable(a netip.Addr) bool {
	if a.IsLinkLocalUnicast() {
		return a.Is4()
	}
	return !a.IsUnspecified() && !a.IsMulticast() && !net.IP(a.AsSlice()).Equal(net.IPv4bcast)
}
