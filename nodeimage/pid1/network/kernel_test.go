package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// wire puts the test into a network namespace of its own, with a cable between the interfaces "here" and "there".
func wire(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes a network namespace")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test, and the namespace with the thread
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("network namespace: %v", err)
	}
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "here"}, PeerName: "there"}
	if err := netlink.LinkAdd(cable); err != nil {
		t.Fatal(err)
	}
	if _, err := (Kernel{}).Links(); err != nil { // veth is no "device", but is set up all the same
		t.Fatal(err)
	}
}

func addressesOf(t *testing.T, iface string) []string {
	t.Helper()
	link, err := netlink.LinkByName(iface)
	if err != nil {
		t.Fatal(err)
	}
	list, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, a := range list {
		all = append(all, a.IPNet.String())
	}
	return all
}

// The first address that the machine would take belongs to another one.
func TestClaimLinkLocal(t *testing.T) {
	wire(t)
	here, err := net.InterfaceByName("here")
	if err != nil {
		t.Fatal(err)
	}
	taken := netip.PrefixFrom(candidate(here.HardwareAddr, 0), 16)
	if err := (Kernel{}).Apply(Lease{}, Lease{Interface: "there", Address: taken}); err != nil {
		t.Fatal(err)
	}
	got, err := Kernel{}.ClaimLinkLocal(t.Context(), "here")
	if err != nil {
		t.Fatal(err)
	}
	if want := netip.PrefixFrom(candidate(here.HardwareAddr, 1), 16); got.Address != want || !got.LinkLocal() {
		t.Errorf("got %+v, want %s", got, want)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Kernel{}).ClaimLinkLocal(cancelled, "here"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// serveDHCP answers on "there" as answer says: with an address, with a refusal, or not at all.
func serveDHCP(t *testing.T, answer func(m *dhcpv4.DHCPv4) (address net.IP, refuse bool)) {
	t.Helper()
	server, err := server4.NewServer("there", nil, func(conn net.PacketConn, _ net.Addr, m *dhcpv4.DHCPv4) {
		address, refuse := answer(m)
		kind := map[dhcpv4.MessageType]dhcpv4.MessageType{
			dhcpv4.MessageTypeDiscover: dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeRequest: dhcpv4.MessageTypeAck,
		}[m.MessageType()]
		if refuse {
			kind = dhcpv4.MessageTypeNak
		}
		reply, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(address), dhcpv4.WithLeaseTime(600),
			dhcpv4.WithNetmask(net.CIDRMask(16, 32)), dhcpv4.WithRouter(net.IPv4(10, 20, 0, 254)),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 20, 0, 1))))
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := conn.WriteTo(reply.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: 68}); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve() // ends with Close
	}()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
}

// A lease is got, set, prolonged, refused and replaced by another one.
func TestLeaseByDHCP(t *testing.T) {
	wire(t)
	if err := (Kernel{}).Apply(Lease{}, Lease{Interface: "there", Address: netip.MustParsePrefix("10.20.0.1/16")}); err != nil {
		t.Fatal(err)
	}
	var forgotten atomic.Bool
	serveDHCP(t, func(m *dhcpv4.DHCPv4) (net.IP, bool) {
		if !forgotten.Load() {
			return net.IPv4(10, 20, 0, 101), false
		}
		prolongs := m.MessageType() == dhcpv4.MessageTypeRequest && !m.ClientIPAddr.IsUnspecified()
		return net.IPv4(10, 20, 0, 102), prolongs
	})
	first, err := Kernel{}.Ask(t.Context(), "here", Lease{})
	if err != nil {
		t.Fatal(err)
	}
	if err := (Kernel{}).Apply(Lease{}, first); err != nil {
		t.Fatal(err)
	}
	if got := addressesOf(t, "here"); !slices.Equal(got, []string{"10.20.0.101/16"}) || first.Renew != 5*time.Minute {
		t.Errorf("%v by %+v", got, first)
	}
	again, err := Kernel{}.Ask(t.Context(), "here", first)
	if err != nil || again.Address != first.Address || again.Taken < first.Taken {
		t.Errorf("prolonged: %+v, %v", again, err)
	}
	forgotten.Store(true)
	if _, err := (Kernel{}).Ask(t.Context(), "here", first); !errors.Is(err, ErrRefused) {
		t.Errorf("refused: %v", err)
	}
	other, err := renewed(t.Context(), Kernel{}, first)
	if err != nil {
		t.Fatal(err)
	}
	if got := addressesOf(t, "here"); !slices.Equal(got, []string{"10.20.0.102/16"}) || other.Address.Addr().String() != "10.20.0.102" {
		t.Errorf("%v by %+v", got, other)
	}
}

func TestNobodyAnswers(t *testing.T) {
	wire(t)
	_, err := Kernel{}.Ask(t.Context(), "here", Lease{})
	if err == nil || err.Error() != "dhcp on here: no server answers" {
		t.Errorf("got %v", err)
	}
}
