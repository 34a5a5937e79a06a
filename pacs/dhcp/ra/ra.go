// Package ra answers the router solicitations of machines that boot by iPXE, so that they need not wait for a router.
//
// Every iPXE of Debian waits 15 s for an IPv6 router before it goes on, although IPv4 is long ready. The answer that ends the wait says
// nothing: lifetime 0 (no router), no prefix, no DHCPv6. It goes to the one machine that asked, and only while that machine is known
// to run iPXE, so nobody else's IPv6 is touched. This package owns that exchange (RFC 4861 sections 4.1, 4.2); it is no router.
package ra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
)

// Responder answers on one interface. Listen makes one.
type Responder struct {
	conn    *icmp.PacketConn
	iface   *net.Interface
	log     *slog.Logger
	booting chan net.HardwareAddr
	queries chan query
}

// query is a router solicitation.
type query struct {
	from netip.Addr // link-local, with zone
	mac  string
}

// Listen opens the interface. log may be nil.
func Listen(iface string, log *slog.Logger) (*Responder, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("ra: interface %s: %w", iface, err)
	}
	conn, err := icmp.ListenPacket("ip6:ipv6-icmp", "::")
	if err != nil {
		return nil, fmt.Errorf("ra: ICMPv6 on %s: %w (it needs root, and IPv6 switched on)", iface, err)
	}
	if err := configure(conn.IPv6PacketConn(), i); err != nil {
		return nil, errors.Join(fmt.Errorf("ra: ICMPv6 on %s: %w", iface, err), conn.Close())
	}
	return &Responder{conn: conn, iface: i, log: log, booting: make(chan net.HardwareAddr), queries: make(chan query)}, nil
}

// configure lets solicitations of this interface in, and nothing else.
func configure(p *ipv6.PacketConn, iface *net.Interface) error {
	var filter ipv6.ICMPFilter
	filter.SetAll(true)
	filter.Accept(ipv6.ICMPTypeRouterSolicitation)
	return errors.Join(
		p.SetICMPFilter(&filter),
		p.SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagInterface, true),
		p.JoinGroup(iface, &net.UDPAddr{IP: net.IPv6linklocalallrouters}),
	)
}

// Booting takes the MACs of machines that were just seen to run iPXE. A send waits for Serve.
func (r *Responder) Booting() chan<- net.HardwareAddr { return r.booting }

// Serve answers until ctx ends, and closes the socket. When the socket fails it says so in the log and answers nobody.
func (r *Responder) Serve(ctx context.Context) {
	var reader sync.WaitGroup
	reader.Go(func() {
		if err := r.read(ctx); err != nil {
			r.log.Warn("router solicitations stay unanswered: each iPXE waits 16 s", "error", err)
		}
	})
	defer reader.Wait()
	defer r.conn.Close()
	known := newMatcher()
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-r.queries:
			if known.solicited(q, time.Now()) {
				r.advertise(q.from)
			}
		case mac := <-r.booting:
			if from, ok := known.booting(mac.String(), time.Now()); ok {
				r.advertise(from)
			}
		}
	}
}

// read hands solicitations to Serve until ctx ends or the socket fails.
func (r *Responder) read(ctx context.Context) error {
	buf := make([]byte, 1500)
	for {
		n, control, from, err := r.conn.IPv6PacketConn().ReadFrom(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("ra: read from %s: %w", r.iface.Name, err)
		}
		if control == nil || control.IfIndex != r.iface.Index || control.HopLimit != 255 { // RFC 4861 section 6.1.1
			continue
		}
		q, ok := parse(buf[:n], from.(*net.IPAddr))
		if !ok {
			continue
		}
		select {
		case r.queries <- q:
		case <-ctx.Done():
			return nil
		}
	}
}

// parse reads a solicitation: type 133, code 0, checksum, reserved, options. The machine is known by its source link-layer address
// (option 1), or by the address that it made from its MAC (RFC 4291, appendix A).
func parse(data []byte, from *net.IPAddr) (query, bool) {
	addr, ok := netip.AddrFromSlice(from.IP)
	if !ok || !addr.IsLinkLocalUnicast() || len(data) < 8 || data[0] != 133 || data[1] != 0 {
		return query{}, false
	}
	q := query{from: addr.WithZone(from.Zone), mac: macOf(addr)}
	for options := data[8:]; len(options) >= 8; {
		length := int(options[1]) * 8
		if length == 0 || length > len(options) {
			return query{}, false
		}
		if options[0] == 1 && length == 8 {
			q.mac = net.HardwareAddr(options[2:8]).String()
		}
		options = options[length:]
	}
	return q, q.mac != ""
}

// macOf undoes the making of an interface identifier from a MAC; "" if it was made otherwise.
func macOf(a netip.Addr) string {
	b := a.As16()
	if !bytes.Equal(b[11:13], []byte{0xff, 0xfe}) {
		return ""
	}
	return net.HardwareAddr{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]}.String()
}

// advertise tells one machine that there is nothing to wait for. The kernel fills in source and checksum.
func (r *Responder) advertise(to netip.Addr) {
	control := &ipv6.ControlMessage{HopLimit: 255, IfIndex: r.iface.Index}
	_, err := r.conn.IPv6PacketConn().WriteTo(advertisement(r.iface.HardwareAddr), control, &net.IPAddr{IP: to.AsSlice(), Zone: r.iface.Name})
	if err != nil {
		r.log.Warn("cannot answer a router solicitation", "to", to, "error", err)
	}
}

// advertisement is a router advertisement by which nothing changes (RFC 4861 section 4.2):
//
//	134, code 0, checksum (2) | hop limit 0: unspecified | flags 0: no DHCPv6 | lifetime 0 (2): no router | reachable 0 (4) | retransmit 0 (4)
//	option 1: the sender's link-layer address
func advertisement(mac net.HardwareAddr) []byte {
	m := make([]byte, 16, 24)
	m[0] = 134
	if len(mac) == 6 {
		m = append(append(m, 1, 1), mac...)
	}
	return m
}
