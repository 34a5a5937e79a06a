package network

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var (
	// multicast is where mDNS groups live. Without a route of its own a machine without a router cannot send there.
	multicast = net.IPNet{IP: net.IPv4(224, 0, 0, 0).To4(), Mask: net.CIDRMask(4, 32)}
	// linkLocal is where machines are that no DHCP server has given an address.
	linkLocal = net.IPNet{IP: net.IPv4(169, 254, 0, 0).To4(), Mask: net.CIDRMask(16, 32)}
	// everywhere is all addresses.
	everywhere = net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
)

// onLinkMetric lets any other route come first.
const onLinkMetric = 4000

// route gives an interface the routes of a lease. Machines with and without an address of a DHCP server reach one another directly,
// by ARP on their common link (RFC 3927 sections 2.6.2 and 2.7): a room whose DHCP server has died is divided otherwise.
func route(index int, l Lease) error {
	routes := []netlink.Route{{Dst: &multicast, Scope: netlink.SCOPE_LINK}}
	if l.LinkLocal() {
		routes = append(routes, onLink(index, &everywhere))
	} else {
		routes = append(routes, onLink(index, &linkLocal))
		old := onLink(index, &everywhere)
		if err := netlink.RouteDel(&old); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("interface %s: remove the route without a router: %w", l.Interface, err)
		}
	}
	if l.Router.IsValid() {
		routes = append(routes, netlink.Route{Gw: l.Router.AsSlice(), Flags: int(netlink.FLAG_ONLINK)})
	}
	for _, r := range routes {
		r.LinkIndex = index
		if err := netlink.RouteReplace(&r); err != nil {
			return fmt.Errorf("interface %s: route %s: %w", l.Interface, r, err)
		}
	}
	return nil
}

func onLink(index int, to *net.IPNet) netlink.Route {
	return netlink.Route{LinkIndex: index, Dst: to, Scope: netlink.SCOPE_LINK, Priority: onLinkMetric}
}
