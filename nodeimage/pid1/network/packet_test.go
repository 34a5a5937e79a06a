package network

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

func ack(t testing.TB, modifiers ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	all := append([]dhcpv4.Modifier{
		dhcpv4.WithMessageType(dhcpv4.MessageTypeAck), dhcpv4.WithYourIP(net.IPv4(10, 20, 0, 101)), dhcpv4.WithServerIP(net.IPv4(10, 20, 0, 1)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 20, 0, 1))),
	}, modifiers...)
	m, err := dhcpv4.New(all...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFromACK(t *testing.T) {
	got, err := fromACK(ack(t, dhcpv4.WithNetmask(net.CIDRMask(16, 32)), dhcpv4.WithRouter(net.IPv4(10, 20, 0, 254)), dhcpv4.WithLeaseTime(600),
		dhcpv4.WithDNS(net.IPv4(10, 20, 0, 1), net.IPv4zero), dhcpv4.WithOption(dhcpv4.OptDomainName("lab.example"))))
	if err != nil {
		t.Fatal(err)
	}
	want := Lease{
		Address: netip.MustParsePrefix("10.20.0.101/16"), Router: netip.MustParseAddr("10.20.0.254"), Server: netip.MustParseAddr("10.20.0.1"),
		DNS: []netip.Addr{netip.MustParseAddr("10.20.0.1")}, Domain: "lab.example",
		Length: 10 * time.Minute, Renew: 5 * time.Minute, Rebind: 525 * time.Second,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
}

func TestFromACKOdd(t *testing.T) {
	for name, m := range map[string]*dhcpv4.DHCPv4{
		"no address": ack(t, dhcpv4.WithYourIP(net.IPv4zero)),
		"multicast":  ack(t, dhcpv4.WithYourIP(net.IPv4(224, 0, 0, 1))),
		"torn mask":  ack(t, dhcpv4.WithNetmask(net.IPv4Mask(255, 0, 255, 0))),
		"no server":  ack(t, dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionServerIdentifier, nil))),
	} {
		if l, err := fromACK(m); err == nil {
			t.Errorf("%s: taken as %+v", name, l)
		}
	}
	got, err := fromACK(ack(t, dhcpv4.WithOption(dhcpv4.OptDomainName("x\nnameserver 6.6.6.6")), dhcpv4.WithLeaseTime(1)))
	if err != nil || got.Domain != "" || got.Length != time.Minute || got.Address.Bits() != 8 {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzFromACK(f *testing.F) {
	f.Add(ack(f).ToBytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := dhcpv4.FromBytes(data)
		if err != nil {
			return
		}
		l, err := fromACK(m)
		if err != nil {
			return
		}
		if !l.Address.IsValid() || l.LinkLocal() || l.Renew <= 0 || l.Renew >= l.Length || l.Rebind >= l.Length {
			t.Errorf("%+v", l)
		}
	})
}

func TestARP(t *testing.T) {
	mine, other := net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2}
	address := candidate(mine, 0)
	for name, tc := range map[string]struct {
		p    arp
		want bool
	}{
		"our own probe":      {arp{arpRequest, mine, netip.IPv4Unspecified(), address}, false},
		"another's probe":    {arp{arpRequest, other, netip.IPv4Unspecified(), address}, true},
		"another has it":     {arp{2, other, address, netip.IPv4Unspecified()}, true},
		"somebody else's":    {arp{2, other, candidate(other, 0), netip.IPv4Unspecified()}, false},
		"a question for it":  {arp{arpRequest, other, candidate(other, 0), address}, false},
		"another probes his": {arp{arpRequest, other, netip.IPv4Unspecified(), candidate(other, 0)}, false},
	} {
		p, ok := parseARP(append(tc.p.bytes(), make([]byte, 18)...))
		if diff := cmp.Diff(tc.p, p, cmp.AllowUnexported(arp{}), cmpopts.EquateComparable(netip.Addr{})); !ok || diff != "" {
			t.Errorf("%s: round trip: %v %s", name, ok, diff)
		}
		if p.contests(mine, address) != tc.want {
			t.Errorf("%s: contests is not %v", name, tc.want)
		}
	}
}

func TestCandidates(t *testing.T) {
	seen := map[netip.Addr]bool{}
	reserved := []netip.Prefix{netip.MustParsePrefix("169.254.0.0/24"), netip.MustParsePrefix("169.254.255.0/24")}
	for attempt := range 10 {
		a := candidate(net.HardwareAddr{2, 0, 0, 0, 0, 1}, attempt)
		if seen[a] || !a.IsLinkLocalUnicast() || reserved[0].Contains(a) || reserved[1].Contains(a) {
			t.Errorf("attempt %d: %s", attempt, a)
		}
		seen[a] = true
	}
}

func FuzzParseARP(f *testing.F) {
	f.Add(arp{arpRequest, net.HardwareAddr{2, 0, 0, 0, 0, 1}, netip.IPv4Unspecified(), netip.IPv4Unspecified()}.bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, ok := parseARP(data); ok && string(p.bytes()[:18]) != string(data[:18]) {
			t.Errorf("%x reads as %+v", data, p)
		}
	})
}
