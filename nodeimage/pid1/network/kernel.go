package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Kernel is the Wire of the machine that this process runs on. It is safe for concurrent use.
type Kernel struct{}

// Now returns the time since the machine was started (CLOCK_BOOTTIME): leases are counted by it, since a PC's own clock may be
// set in the middle of one.
func Now() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(fmt.Sprintf("network: CLOCK_BOOTTIME: %v", err)) // Linux 2.6.39 has it
	}
	return time.Duration(ts.Nano())
}

// Now is the function Now.
func (Kernel) Now() time.Duration { return Now() }

// Links sets all Ethernet interfaces up, and lo, and returns the former.
func (Kernel) Links() ([]Link, error) {
	all, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var links []Link
	for _, l := range all {
		a := l.Attrs()
		if a.Flags&net.FlagUp == 0 {
			_ = netlink.LinkSetUp(l) // one that cannot be set up shows no carrier either
		}
		if a.EncapType == "ether" && l.Type() == "device" {
			links = append(links, Link{Name: a.Name, MAC: a.HardwareAddr.String(), Carrier: a.RawFlags&unix.IFF_LOWER_UP != 0})
		}
	}
	return links, nil
}

// Ask gets or prolongs a lease.
func (Kernel) Ask(ctx context.Context, iface string, hold Lease) (Lease, error) {
	return ask(ctx, iface, hold, Now)
}

// ClaimLinkLocal takes an address of 169.254/16.
func (Kernel) ClaimLinkLocal(ctx context.Context, iface string) (Lease, error) {
	return claimLinkLocal(ctx, iface)
}

// Apply gives the interface the address and routes of a lease, and takes the former lease's away if they differ: that first, since
// with an address go all that were given to the interface after it in the same network.
func (Kernel) Apply(former, lease Lease) error {
	if err := remove(former, lease); err != nil {
		return err
	}
	link, err := netlink.LinkByName(lease.Interface)
	if err != nil {
		return fmt.Errorf("interface %s: %w", lease.Interface, err)
	}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: ipNet(lease.Address)}); err != nil {
		return fmt.Errorf("interface %s: set address %s: %w", lease.Interface, lease.Address, err)
	}
	return route(link.Attrs().Index, lease)
}

// remove takes an address away that is replaced. One that is not there any more is fine.
func remove(former, lease Lease) error {
	if !former.Address.IsValid() || former.Address == lease.Address && former.Interface == lease.Interface {
		return nil
	}
	link, err := netlink.LinkByName(former.Interface)
	if err == nil {
		err = netlink.AddrDel(link, &netlink.Addr{IPNet: ipNet(former.Address)})
	}
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.As(err, new(netlink.LinkNotFoundError)) {
		return fmt.Errorf("interface %s: remove address %s: %w", former.Interface, former.Address, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
