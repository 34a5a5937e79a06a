package network

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// routesOf returns the destinations of an interface's routes that somebody has set, with the routers.
func routesOf(t *testing.T, iface string) (all []string) {
	t.Helper()
	link, err := netlink.LinkByName(iface)
	if err != nil {
		t.Fatal(err)
	}
	list, err := netlink.RouteList(link, netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Protocol == 2 { // RTPROT_KERNEL: with an address
			continue
		}
		text := r.Dst.String()
		if r.Gw != nil {
			text += " by " + r.Gw.String()
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// Machines with an address of a DHCP server and those without have routes to one another.
func TestRoutes(t *testing.T) {
	wire(t)
	alone := Lease{Interface: "here", Address: netip.MustParsePrefix("169.254.7.8/16")}
	leased := Lease{
		Interface: "here", Address: netip.MustParsePrefix("10.20.0.101/16"), Server: netip.MustParseAddr("10.20.0.1"), Router: netip.MustParseAddr("10.20.0.254"),
	}
	if err := (Kernel{}).Apply(Lease{}, alone); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0.0.0.0/0", "224.0.0.0/4"}, routesOf(t, "here")); diff != "" {
		t.Error(diff)
	}
	for range 2 { // prolonged, too
		if err := (Kernel{}).Apply(alone, leased); err != nil {
			t.Fatal(err)
		}
		alone = leased
	}
	if diff := cmp.Diff([]string{"0.0.0.0/0 by 10.20.0.254", "169.254.0.0/16", "224.0.0.0/4"}, routesOf(t, "here")); diff != "" {
		t.Error(diff)
	}
}
