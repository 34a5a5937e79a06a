package dhcp

import (
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// blank returns a reply with nothing but the server's name in it. RFC 2131 section 4.3.1, table 3; the relay's option 82 and the client's
// option 61 are echoed (RFC 3046 section 2.2, RFC 6842).
func (h *handler) blank(p *dhcpv4.DHCPv4, t dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	r := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootReply, HWType: p.HWType, TransactionID: p.TransactionID, Flags: p.Flags,
		ClientIPAddr: net.IPv4zero, YourIPAddr: net.IPv4zero, ServerIPAddr: net.IPv4zero,
		GatewayIPAddr: p.GatewayIPAddr, ClientHWAddr: p.ClientHWAddr, Options: dhcpv4.Options{},
	}
	for _, echo := range []dhcpv4.OptionCode{dhcpv4.OptionRelayAgentInformation, dhcpv4.OptionClientIdentifier} {
		dhcpv4.WithOptionCopied(p, echo)(r)
	}
	r.UpdateOption(dhcpv4.OptMessageType(t))
	r.UpdateOption(dhcpv4.OptServerIdentifier(ip(h.address)))
	return r
}

// reply returns a reply with all that a machine learns here but its address.
func (h *handler) reply(p *dhcpv4.DHCPv4, c client, t dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	r := h.blank(p, t)
	r.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(h.prefix.Bits(), 32)))
	r.UpdateOption(dhcpv4.OptBroadcastAddress(ip(broadcast(h.prefix))))
	if h.router.IsValid() {
		r.UpdateOption(dhcpv4.OptRouter(ip(h.router)))
	}
	if len(h.dns) > 0 {
		servers := make([]net.IP, len(h.dns))
		for i, a := range h.dns {
			servers[i] = ip(a)
		}
		r.UpdateOption(dhcpv4.OptDNS(servers...))
	}
	if t == dhcpv4.MessageTypeAck {
		r.ClientIPAddr = p.ClientIPAddr
	}
	h.addBoot(r, p, c)
	return r
}

// leased returns a reply that gives the client addr. Renewal after half the lease, rebinding after seven eighths (RFC 2131 section 4.4.5).
func (h *handler) leased(p *dhcpv4.DHCPv4, c client, t dhcpv4.MessageType, addr netip.Addr) *dhcpv4.DHCPv4 {
	r := h.reply(p, c, t)
	r.YourIPAddr = ip(addr)
	r.UpdateOption(dhcpv4.OptIPAddressLeaseTime(h.lease))
	r.UpdateOption(dhcpv4.OptRenewTimeValue(h.lease / 2))
	r.UpdateOption(dhcpv4.OptRebindingTimeValue(h.lease / 8 * 7))
	return r
}

// refuse returns a DHCPNAK. It is broadcast, also by a relay: the client's address is not to be trusted.
func (h *handler) refuse(p *dhcpv4.DHCPv4) answer {
	r := h.blank(p, dhcpv4.MessageTypeNak)
	to := broadcastTo()
	if relay := addrOf(p.GatewayIPAddr); !relay.IsUnspecified() {
		r.SetBroadcast()
		to = netip.AddrPortFrom(relay, portServer)
	}
	return answer{reply: r, to: to}
}

// send addresses a reply (RFC 2131 section 4.1). A client without an address is reached by broadcast, whether it asked for
// that or not: every firmware tried accepts it, and no raw socket is needed.
func (h *handler) send(p, reply *dhcpv4.DHCPv4) answer {
	a := answer{reply: reply, to: broadcastTo()}
	if relay := addrOf(p.GatewayIPAddr); !relay.IsUnspecified() {
		a.to = netip.AddrPortFrom(relay, portServer)
	} else if own := addrOf(p.ClientIPAddr); !own.IsUnspecified() {
		a.to = netip.AddrPortFrom(own, portClient)
	}
	return a
}

func broadcastTo() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), portClient)
}
