package network

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
)

// An ARP packet for IPv4 over Ethernet (RFC 826):
//
//	 0  2  hardware type, 1
//	 2  2  protocol type, 0x0800
//	 4  1  length of a hardware address, 6
//	 5  1  length of a protocol address, 4
//	 6  2  operation: 1 request, 2 reply
//	 8  6  sender's hardware address
//	14  4  sender's protocol address
//	18  6  target's hardware address
//	24  4  target's protocol address
type arp struct {
	op        uint16
	senderMAC net.HardwareAddr
	sender    netip.Addr
	target    netip.Addr
}

const (
	arpRequest = 1
	arpSize    = 28
)

// arpHead is what the first six bytes must be.
var arpHead = [6]byte{0, 1, 8, 0, 6, 4}

// bytes returns the packet as it is sent. The target's hardware address is left zero, as in each request.
func (p arp) bytes() []byte {
	b := make([]byte, arpSize)
	copy(b, arpHead[:])
	binary.BigEndian.PutUint16(b[6:], p.op)
	copy(b[8:14], p.senderMAC)
	copy(b[14:], p.sender.AsSlice())
	copy(b[24:], p.target.AsSlice())
	return b
}

// parseARP reads a packet; padding behind it is ignored. It is not ok if it is not ARP for IPv4 over Ethernet.
func parseARP(b []byte) (p arp, ok bool) {
	if len(b) < arpSize || !bytes.Equal(b[:6], arpHead[:]) {
		return arp{}, false
	}
	return arp{
		op:        binary.BigEndian.Uint16(b[6:]),
		senderMAC: bytes.Clone(b[8:14]),
		sender:    netip.AddrFrom4([4]byte(b[14:18])),
		target:    netip.AddrFrom4([4]byte(b[24:28])),
	}, true
}

// contests reports whether the packet says that another machine than the one with this MAC has the address, or probes for it
// at the same time (RFC 3927 section 2.2.1).
func (p arp) contests(mac net.HardwareAddr, address netip.Addr) bool {
	if bytes.Equal(p.senderMAC, mac) {
		return false
	}
	probe := p.op == arpRequest && p.sender.IsUnspecified() && p.target == address
	return p.sender == address || probe
}
