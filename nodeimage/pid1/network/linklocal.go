package network

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/mdlayher/packet"
)

// RFC 3927 section 9: how often and how far apart an address is asked for before it is taken, and how often it is announced.
const (
	probes        = 3
	probeInterval = time.Second
	announcements = 2
)

// etherTypeARP is the EtherType of ARP (RFC 826).
const etherTypeARP = 0x0806

// errTaken says that another machine has the address.
var errTaken = errors.New("another machine has it")

// claimLinkLocal takes an address of 169.254/16 that nobody on the interface's link has. The same machine tries the same
// addresses in the same order, so it mostly gets the one again that it had (RFC 3927 section 2.1).
func claimLinkLocal(ctx context.Context, iface string) (Lease, error) {
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return Lease{}, fmt.Errorf("link-local address: %w", err)
	}
	conn, err := packet.Listen(ifi, packet.Datagram, etherTypeARP, nil)
	if err != nil {
		return Lease{}, fmt.Errorf("link-local address: ARP on %s: %w", iface, err)
	}
	defer conn.Close()
	for attempt := range 10 {
		address := candidate(ifi.HardwareAddr, attempt)
		err := claim(ctx, conn, ifi.HardwareAddr, address)
		if err == nil {
			return Lease{Interface: iface, MAC: ifi.HardwareAddr.String(), Address: netip.PrefixFrom(address, 16)}, nil
		}
		if !errors.Is(err, errTaken) {
			return Lease{}, fmt.Errorf("link-local address %s on %s: %w", address, iface, err)
		}
	}
	return Lease{}, fmt.Errorf("link-local address on %s: ten were taken by other machines", iface)
}

// candidate returns the address to try at this attempt: 169.254.1.0 to 169.254.254.255.
func candidate(mac net.HardwareAddr, attempt int) netip.Addr {
	sum := sha256.Sum256(append([]byte{byte(attempt)}, mac...))
	return netip.AddrFrom4([4]byte{169, 254, 1 + sum[0]%254, sum[1]})
}

// claim probes for an address, and announces it if nobody answered (RFC 3927 sections 2.2.1 and 2.4).
func claim(ctx context.Context, conn net.PacketConn, mac net.HardwareAddr, address netip.Addr) error {
	for range probes {
		if err := sendARP(conn, arp{op: arpRequest, senderMAC: mac, sender: netip.IPv4Unspecified(), target: address}); err != nil {
			return err
		}
		if err := listen(ctx, conn, mac, address, probeInterval); err != nil {
			return err
		}
	}
	for range announcements {
		if err := sendARP(conn, arp{op: arpRequest, senderMAC: mac, sender: address, target: address}); err != nil {
			return err
		}
	}
	return nil
}

// listen waits, and returns errTaken as soon as another machine uses the address or wants it too.
func listen(ctx context.Context, conn net.PacketConn, mac net.HardwareAddr, address netip.Addr, wait time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	for buf := make([]byte, 64); ; {
		n, _, err := conn.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if p, ok := parseARP(buf[:n]); ok && p.contests(mac, address) {
			return errTaken
		}
	}
}

func sendARP(conn net.PacketConn, p arp) error {
	_, err := conn.WriteTo(p.bytes(), &packet.Addr{HardwareAddr: net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
	return err
}
