package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"viver/pacs/netboot/ports"
)

// port is a UDP port on one interface.
type port struct {
	conn   *net.UDPConn
	raw    *ipv4.PacketConn
	number int
	index  int // of the interface
	from   netip.Addr
}

// listen opens a UDP port on one interface: packets of others are not seen, and broadcasts leave by it without any route. The address
// is not shared (no SO_REUSEADDR), so that a second DHCP server on this machine is an error and not a riddle.
func listen(ctx context.Context, iface string, number int, from netip.Addr) (*port, error) {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("dhcp: interface %s: %w", iface, err)
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) { set = unix.BindToDevice(int(fd), iface) })
		return errors.Join(err, set)
	}}
	conn, err := config.ListenPacket(ctx, "udp4", ":"+strconv.Itoa(number))
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("dhcp: port %d on %s is in use by %s: stop it, or let it serve alone (mode = \"off\"): %w",
			number, iface, ports.Holder("/proc", "udp", number), err)
	}
	if err != nil {
		return nil, fmt.Errorf("dhcp: port %d on %s: %w (it needs root)", number, iface, err)
	}
	udp := conn.(*net.UDPConn)
	return &port{conn: udp, number: number, raw: ipv4.NewPacketConn(udp), index: i.Index, from: from}, nil
}

// send sends from the server's own address, also when the interface has several.
func (p *port) send(data []byte, to netip.AddrPort) error {
	control := &ipv4.ControlMessage{Src: ip(p.from), IfIndex: p.index}
	_, err := p.raw.WriteTo(data, control, net.UDPAddrFromAddrPort(to))
	return err
}
