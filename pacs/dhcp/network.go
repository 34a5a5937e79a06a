package dhcp

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// maxRange is how many addresses a range has at most.
const maxRange = 16384

// defaultRange leaves the low addresses of a network to its servers and a few at the end to people: 10.20.0.0/24 gives
// .100 to .250, 10.20.0.0/16 gives 10.20.0.100 to 10.20.16.3 (4000 addresses). A network of less than 256 leaves a quarter.
func defaultRange(p netip.Prefix) (first, last netip.Addr) {
	size := uint32(1) << (32 - p.Bits())
	from, to := size/4, size-2
	if size >= 256 {
		from, to = 100, min(size-6, 100+3999)
	}
	return plus(p.Addr(), from), plus(p.Addr(), to)
}

func broadcast(p netip.Prefix) netip.Addr { return plus(p.Addr(), 1<<(32-p.Bits())-1) }

// plus returns the IPv4 address n after a.
func plus(a netip.Addr, n uint32) netip.Addr {
	b := a.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+n)
	return netip.AddrFrom4(b)
}

// addrOf returns the IPv4 address of ip; zero for what is none.
func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip.To4())
	return a
}

// localPrefixes returns the IPv4 addresses of an interface, with their networks.
func localPrefixes(name string) ([]netip.Prefix, error) {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w (ip -brief link shows those that there are)", name, err)
	}
	addrs, err := iface.Addrs()
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	var found []netip.Prefix
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Is4() {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("interface %s has no IPv4 address: give it one, for example: ip address add 10.20.0.1/16 dev %s", name, name)
	}
	return found, nil
}
