package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
)

// defaultLength is taken for a lease without option 51, which RFC 2131 forbids.
const defaultLength = time.Hour

// ask gets a lease for an interface. hold is the lease that the machine has there: it is prolonged if it still
// runs, otherwise a new one is asked for, with the same address if the server agrees. It sends to the broadcast
// address always: any server that knows the lease may answer, as in the state REBINDING of RFC 2131 section 4.4.5.
func ask(ctx context.Context, iface string, hold Lease, now func() time.Duration) (Lease, error) {
	client, err := nclient4.New(iface, nclient4.WithTimeout(time.Second), nclient4.WithRetry(2))
	if err != nil {
		return Lease{}, fmt.Errorf("dhcp on %s: %w", iface, err)
	}
	defer client.Close()
	taken := now()
	ack, err := exchange(ctx, client, hold, taken)
	if errors.Is(err, nclient4.ErrNoResponse) {
		return Lease{}, fmt.Errorf("dhcp on %s: no server answers", iface) // the library says it in three sentences
	}
	if err != nil {
		return Lease{}, fmt.Errorf("dhcp on %s: %w", iface, err)
	}
	lease, err := fromACK(ack)
	if err != nil {
		return Lease{}, fmt.Errorf("dhcp on %s: %w", iface, err)
	}
	lease.Interface, lease.MAC, lease.Taken = iface, client.InterfaceAddr().String(), taken
	return lease, nil
}

func exchange(ctx context.Context, client *nclient4.Client, hold Lease, now time.Duration) (*dhcpv4.DHCPv4, error) {
	wanted := dhcpv4.WithRequestedOptions(dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer,
		dhcpv4.OptionDomainName, dhcpv4.OptionIPAddressLeaseTime, dhcpv4.OptionRenewTimeValue, dhcpv4.OptionRebindingTimeValue)
	if !hold.LinkLocal() && now < hold.Taken+hold.Length {
		return prolong(ctx, client, hold, wanted)
	}
	modifiers := []dhcpv4.Modifier{wanted}
	if !hold.LinkLocal() {
		modifiers = append(modifiers, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(hold.Address.Addr().AsSlice())))
	}
	got, err := client.Request(ctx, modifiers...)
	if err != nil {
		return nil, err
	}
	return got.ACK, nil
}

// ErrRefused is what a Wire answers when the server sent a DHCPNAK: an address must be asked for anew.
var ErrRefused = errors.New("the server refuses to prolong the lease")

// prolong sends the request of the states RENEWING and REBINDING: the address stands in ciaddr, no server is named.
func prolong(ctx context.Context, client *nclient4.Client, hold Lease, wanted dhcpv4.Modifier) (*dhcpv4.DHCPv4, error) {
	request, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithHwAddr(client.InterfaceAddr()),
		dhcpv4.WithClientIP(hold.Address.Addr().AsSlice()), dhcpv4.WithOption(dhcpv4.OptMaxMessageSize(nclient4.MaxMessageSize)), wanted)
	if err != nil {
		return nil, err
	}
	answer, err := client.SendAndRead(ctx, nclient4.DefaultServers, request, nclient4.IsMessageType(dhcpv4.MessageTypeAck, dhcpv4.MessageTypeNak))
	if err != nil {
		return nil, err
	}
	if answer.MessageType() == dhcpv4.MessageTypeNak {
		return nil, ErrRefused
	}
	return answer, nil
}

// fromACK reads a DHCPACK. Without a mask the address' class decides, without T1 and T2 the lease's length (RFC 2131 section 4.4.5).
func fromACK(ack *dhcpv4.DHCPv4) (Lease, error) {
	address, ok := netip.AddrFromSlice(ack.YourIPAddr.To4())
	if !ok || address.IsUnspecified() || address.IsLoopback() || address.IsMulticast() {
		return Lease{}, fmt.Errorf("the server gave %s, which is no address for a machine", ack.YourIPAddr)
	}
	mask := ack.SubnetMask()
	if mask == nil {
		mask = net.IP(address.AsSlice()).DefaultMask()
	}
	ones, bits := mask.Size()
	if bits != 32 || ones == 0 {
		return Lease{}, fmt.Errorf("the server gave the netmask %s, which is none", mask)
	}
	server, ok := netip.AddrFromSlice(ack.ServerIdentifier().To4())
	if !ok {
		return Lease{}, errors.New("the answer does not say which server it comes from (option 54)")
	}
	length := max(ack.IPAddressLeaseTime(defaultLength), time.Minute)
	lease := Lease{
		Address: netip.PrefixFrom(address, ones),
		DNS:     addresses(ack.DNS()),
		Domain:  domain(ack.DomainName()),
		Server:  server,
		Length:  length,
		Renew:   within(ack.IPAddressRenewalTime(length/2), length/2, length),
		Rebind:  within(ack.IPAddressRebindingTime(length*7/8), length*7/8, length),
	}
	if routers := addresses(ack.Router()); len(routers) > 0 {
		lease.Router = routers[0]
	}
	return lease, nil
}

// within returns d if it makes sense in a lease of this length, else otherwise.
func within(d, otherwise, length time.Duration) time.Duration {
	if d < 30*time.Second || d >= length {
		return otherwise
	}
	return d
}

// addresses takes the usable IPv4 addresses of a list.
func addresses(ips []net.IP) []netip.Addr {
	var list []netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip.To4()); ok && !a.IsUnspecified() {
			list = append(list, a)
		}
	}
	return list
}

// domain returns name if it can be a domain's name. It goes into a file of the root, and anybody on the network may have sent it.
func domain(name string) string {
	for _, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return ""
		}
	}
	return name[:min(len(name), 253)]
}
