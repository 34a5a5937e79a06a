package dhcp

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"viver/nodeimage/spec"
)

// Ports, RFC 2131 section 4.1 and PXE 2.1 section 2.2.3.
const (
	portServer = 67
	portClient = 68
	portPXE    = 4011
)

// answer is what the server does about one packet.
type answer struct {
	reply *dhcpv4.DHCPv4 // nil: silence
	to    netip.AddrPort
	// changed says that the leases must be saved before the reply goes out.
	changed bool
	event   *spec.MachineEvent
	ipxe    bool // the packet is iPXE's
}

// handler decides: packet in, answer out. It does no I/O; one goroutine owns it.
type handler struct {
	*settings
	table *table
	boots boots
	now   func() time.Time
	log   *slog.Logger
}

// handle answers a packet that came to port 67.
func (h *handler) handle(p *dhcpv4.DHCPv4) answer {
	if !h.sound(p) {
		return answer{}
	}
	c := classify(p)
	var a answer
	switch {
	case h.mode == Off:
		return answer{}
	case h.mode == Proxy:
		a = h.proxyOffer(p, c)
	default:
		a = h.authoritative(p, c)
	}
	a.ipxe = c.program == ipxe
	h.noteBoot(&a, p, c)
	return a
}

// sound refuses what no machine on this network sends.
func (h *handler) sound(p *dhcpv4.DHCPv4) bool {
	if p.OpCode != dhcpv4.OpcodeBootRequest || p.HWType != iana.HWTypeEthernet || len(p.ClientHWAddr) != 6 || p.ClientHWAddr[0]&1 != 0 {
		return false
	}
	for _, field := range []net.IP{p.GatewayIPAddr, p.ClientIPAddr} {
		if a := addrOf(field); !a.IsUnspecified() && !h.prefix.Contains(a) {
			h.log.Debug("packet from another network", "mac", p.ClientHWAddr, "address", a)
			return p.MessageType() == dhcpv4.MessageTypeRequest && addrOf(p.GatewayIPAddr).IsUnspecified() // to be refused, see request
		}
	}
	return true
}

func (h *handler) authoritative(p *dhcpv4.DHCPv4, c client) answer {
	mac, now := p.ClientHWAddr.String(), h.now()
	server := addrOf(p.ServerIdentifier())
	switch p.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		return h.discover(p, c)
	case dhcpv4.MessageTypeRequest:
		return h.request(p, c)
	case dhcpv4.MessageTypeInform:
		return h.send(p, h.reply(p, c, dhcpv4.MessageTypeAck))
	case dhcpv4.MessageTypeRelease:
		if server.IsValid() && server != h.address {
			return answer{}
		}
		return answer{changed: h.table.release(mac, addrOf(p.ClientIPAddr), now)}
	case dhcpv4.MessageTypeDecline:
		address := addrOf(p.RequestedIPAddress())
		if server != h.address || !h.table.decline(mac, address, now) {
			return answer{}
		}
		h.log.Warn("address is in use by another machine", "address", address, "declined_by", mac)
		return answer{changed: true}
	}
	return answer{}
}

func (h *handler) discover(p *dhcpv4.DHCPv4, c client) answer {
	mac := p.ClientHWAddr.String()
	addr, err := h.table.offer(mac, addrOf(p.RequestedIPAddress()), h.now())
	if err != nil {
		h.log.Error("a machine gets no address: enlarge the range or shorten the leases", "mac", mac, "range", h.rangeText(), "error", err)
		return answer{}
	}
	return h.send(p, h.leased(p, c, dhcpv4.MessageTypeOffer, addr))
}

// request answers DHCPREQUEST in its four meanings (RFC 2131 section 4.3.2). Since this server speaks for the network, it
// refuses what is wrong, and leases what is free to a machine that it does not know: so a lost lease file costs nobody his address.
func (h *handler) request(p *dhcpv4.DHCPv4, c client) answer {
	mac := p.ClientHWAddr.String()
	server, address := addrOf(p.ServerIdentifier()), addrOf(p.ClientIPAddr) // renewing, rebinding
	if address.IsUnspecified() {
		address = addrOf(p.RequestedIPAddress()) // selecting, or coming back after a reboot
	}
	if server.IsValid() && server != h.address {
		h.table.withdraw(mac)
		return answer{}
	}
	if !address.IsValid() || !h.table.bind(mac, address, h.now()) {
		h.log.Info("request refused", "mac", mac, "address", address)
		return h.refuse(p)
	}
	h.log.Debug("lease", "mac", mac, "address", address, "client", c.String())
	a := h.send(p, h.leased(p, c, dhcpv4.MessageTypeAck, address))
	a.changed = true
	return a
}

// proxyOffer answers boot programs beside another DHCP server: an offer without an address. An acknowledgement on port 67 is that other
// server's business.
func (h *handler) proxyOffer(p *dhcpv4.DHCPv4, c client) answer {
	if p.MessageType() != dhcpv4.MessageTypeDiscover || c.program == other {
		return answer{}
	}
	reply := h.blank(p, dhcpv4.MessageTypeOffer)
	if !h.addBoot(reply, p, c) {
		return answer{}
	}
	return h.send(p, reply)
}

// handlePXE answers a packet that came to port 4011. It goes back to where it came from: OVMF asks from port 4011, iPXE from port 68.
func (h *handler) handlePXE(p *dhcpv4.DHCPv4, from netip.AddrPort) answer {
	c := classify(p)
	if h.mode == Off || !h.sound(p) || c.program == other || !h.prefix.Contains(from.Addr()) {
		return answer{}
	}
	if t := p.MessageType(); t != dhcpv4.MessageTypeRequest && t != dhcpv4.MessageTypeInform {
		return answer{}
	}
	reply := h.blank(p, dhcpv4.MessageTypeAck)
	if !h.addBoot(reply, p, c) {
		return answer{}
	}
	return answer{reply: reply, to: from, ipxe: c.program == ipxe}
}

// noteBoot adds an event when a machine's boot begins with this packet.
func (h *handler) noteBoot(a *answer, p *dhcpv4.DHCPv4, c client) {
	if t := p.MessageType(); t != dhcpv4.MessageTypeDiscover && t != dhcpv4.MessageTypeRequest {
		return
	}
	mac := p.ClientHWAddr.String()
	if !h.boots.begins(mac, c.program, h.now()) {
		return
	}
	e := &spec.MachineEvent{MAC: mac, Stage: spec.StageFirmware, Detail: c.String(), Firmware: c.firmware()}
	if a.reply != nil && !a.reply.YourIPAddr.IsUnspecified() {
		e.Address = a.reply.YourIPAddr.String()
		e.Detail += ", " + e.Address
	}
	a.event = e
}

// rangeText describes the range for people: "10.20.0.100-250".
func (s *settings) rangeText() string {
	f, l := s.first.As4(), s.last.As4()
	if [3]byte(f[:3]) == [3]byte(l[:3]) {
		return fmt.Sprintf("%s-%d", s.first, l[3])
	}
	return s.first.String() + "-" + s.last.String()
}
