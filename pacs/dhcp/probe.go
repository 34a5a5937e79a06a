package dhcp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
)

// Servers take their time before they offer an unknown machine an address: ISC dhcpd 1.0 s, dnsmasq 3.0 s (they ping it first).
const (
	probeTime  = 5 * time.Second
	probeEvery = 1500 * time.Millisecond
	probes     = 3
)

// prober looks for other DHCP servers on the network. It asks as a machine that does not exist, always the same one, so
// that it costs those servers one address at most.
type prober struct {
	iface string
	own   netip.Addr // the server that is not another's
	mac   net.HardwareAddr
}

func newProber(s *settings) *prober {
	mac := make(net.HardwareAddr, 6)
	rand.Read(mac)
	mac[0] = mac[0]&^1 | 2 // one machine's, locally administered
	return &prober{iface: s.iface, own: s.address, mac: mac}
}

// probe asks for an address and returns the first other server that offers one. The zero address: nobody did within probeTime.
//
// It uses a packet socket: so it disturbs no DHCP client of this machine, and is not heard by this machine's own server.
func (p *prober) probe(ctx context.Context) (netip.Addr, error) {
	conn, err := nclient4.NewRawUDPConn(p.iface, portClient)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("dhcp: look for other servers on %s: %w (it needs root)", p.iface, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()
	end := time.Now().Add(probeTime)
	for n := 1; ; n++ {
		discover, err := dhcpv4.NewDiscovery(p.mac, dhcpv4.WithBroadcast(true))
		if err != nil {
			return netip.Addr{}, fmt.Errorf("dhcp: look for other servers: %w", err)
		}
		if _, err := conn.WriteTo(discover.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: portServer}); err != nil {
			return netip.Addr{}, fmt.Errorf("dhcp: look for other servers on %s: %w", p.iface, err)
		}
		until := end
		if n < probes {
			until = time.Now().Add(probeEvery)
		}
		found, err := p.wait(ctx, conn, until)
		if err != nil || found.IsValid() || n == probes {
			return found, err
		}
	}
}

// wait reads until another server's offer or the given time.
func (p *prober) wait(ctx context.Context, conn net.PacketConn, until time.Time) (netip.Addr, error) {
	buf := make([]byte, maxPacket)
	for {
		if err := conn.SetReadDeadline(until); err != nil {
			return netip.Addr{}, fmt.Errorf("dhcp: look for other servers: %w", err)
		}
		if ctx.Err() != nil {
			return netip.Addr{}, ctx.Err()
		}
		n, _, err := conn.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return netip.Addr{}, ctx.Err()
		}
		if err != nil {
			return netip.Addr{}, fmt.Errorf("dhcp: look for other servers on %s: %w", p.iface, err)
		}
		if server := p.foreign(buf[:n]); server.IsValid() {
			return server, nil
		}
	}
}

// foreign returns the server whose offer of an address this packet is, if it is one to the prober. An offer without an address is
// a proxy's.
func (p *prober) foreign(data []byte) netip.Addr {
	offer, err := dhcpv4.FromBytes(data)
	if err != nil || offer.MessageType() != dhcpv4.MessageTypeOffer || offer.ClientHWAddr.String() != p.mac.String() {
		return netip.Addr{}
	}
	server := addrOf(offer.ServerIdentifier())
	if server == p.own || addrOf(offer.YourIPAddr).IsUnspecified() {
		return netip.Addr{}
	}
	return server
}
