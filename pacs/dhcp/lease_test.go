package dhcp

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var us = dhcpv4.WithOption(dhcpv4.OptServerIdentifier([]byte{10, 20, 0, 1}))

func wish(address string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(ipOf(address)))
}

func ipOf(address string) []byte { return ip(netip.MustParseAddr(address)) }

// offered is the address that machine n is offered; "" if none.
func (r *room) offered(n byte, modifiers ...dhcpv4.Modifier) string {
	a := r.handle(r.from(n, dhcpv4.MessageTypeDiscover, modifiers...))
	if a.reply == nil {
		return ""
	}
	return a.reply.YourIPAddr.String()
}

// says describes the server's reply: "ACK 10.20.0.100", "NAK", "" for silence.
func says(a answer) string {
	switch {
	case a.reply == nil:
		return ""
	case a.reply.MessageType() == dhcpv4.MessageTypeNak:
		return "NAK"
	}
	return a.reply.MessageType().String() + " " + a.reply.YourIPAddr.String()
}

func (r *room) want(what, got, want string) {
	r.t.Helper()
	if got != want {
		r.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// lease takes machine n through discovery and request.
func (r *room) leaseTo(n byte) string {
	r.t.Helper()
	offer := r.offered(n)
	if offer == "" {
		return ""
	}
	r.want("request", says(r.handle(r.from(n, dhcpv4.MessageTypeRequest, us, wish(offer)))), "ACK "+offer)
	return offer
}

func TestOneLeasePerMAC(t *testing.T) {
	r := newRoom(t, here)
	r.want("firmware", r.leaseTo(1), "10.20.0.100")
	clientID := opt(61, "another identity")
	r.want("operating system, other client identifier", r.offered(1, clientID), "10.20.0.100")
	r.want("another machine", r.leaseTo(2), "10.20.0.101")
	r.want("a wish that is taken", r.offered(3, wish("10.20.0.101")), "10.20.0.102")
	r.want("a fixed one", r.leaseTo(0xff), "10.20.0.9")
	r.want("a wish outside the range", r.offered(3, wish("10.20.0.200")), "10.20.0.102")
}

func TestLeaseOptions(t *testing.T) {
	r := newRoom(t, here)
	a := r.handle(r.from(1, dhcpv4.MessageTypeDiscover, opt(82, "relay"), opt(61, "me"), dhcpv4.WithGatewayIP(ipOf("10.20.0.5"))))
	p := a.reply
	if p.SubnetMask().String() != "ffffff00" || p.Router()[0].String() != "10.20.0.254" || p.DNS()[0].String() != "10.20.0.53" ||
		p.IPAddressLeaseTime(0) != 12*time.Hour || p.IPAddressRenewalTime(0) != 6*time.Hour || p.ServerIdentifier().String() != "10.20.0.1" {
		t.Error(p.Summary())
	}
	if string(p.Options.Get(dhcpv4.GenericOptionCode(82))) != "relay" || string(p.Options.Get(dhcpv4.GenericOptionCode(61))) != "me" {
		t.Error("options 82 and 61 are not echoed:", p.Summary())
	}
	if a.to.String() != "10.20.0.5:67" || p.GatewayIPAddr.String() != "10.20.0.5" {
		t.Errorf("relayed to %s", a.to)
	}
}

func TestExhaustion(t *testing.T) {
	r := newRoom(t, here)
	for n := byte(1); n <= 3; n++ {
		r.leaseTo(n)
	}
	r.want("a fourth machine", r.offered(4), "")
	r.clock = r.clock.Add(time.Hour)
	r.want("renewal", says(r.handle(r.from(2, dhcpv4.MessageTypeRequest, dhcpv4.WithClientIP(ipOf("10.20.0.101"))))), "ACK 10.20.0.101")
	r.clock = r.clock.Add(11*time.Hour + time.Minute)
	r.want("the first one after its lease has ended", r.offered(1), "10.20.0.100")
	r.want("the fourth gets the longest unused", r.leaseTo(4), "10.20.0.102")
	r.want("whose former owner gets nothing", r.offered(3), "")
	r.clock = r.clock.Add(offerTime + time.Second)
	r.want("until an offer that nobody took has ended", r.offered(3), "10.20.0.100")
}

func TestRequests(t *testing.T) {
	r := newRoom(t, here)
	r.leaseTo(1)
	other := dhcpv4.WithOption(dhcpv4.OptServerIdentifier(ipOf("10.20.0.2")))
	for what, c := range map[string]struct {
		mods []dhcpv4.Modifier
		want string
		to   string
	}{
		"after a reboot, its address":        {[]dhcpv4.Modifier{wish("10.20.0.100")}, "ACK 10.20.0.100", "255.255.255.255:68"},
		"after a reboot, another address":    {[]dhcpv4.Modifier{wish("10.20.0.101")}, "NAK", "255.255.255.255:68"},
		"after a reboot, of another network": {[]dhcpv4.Modifier{wish("192.168.1.5")}, "NAK", "255.255.255.255:68"},
		"renewing":                           {[]dhcpv4.Modifier{dhcpv4.WithClientIP(ipOf("10.20.0.100"))}, "ACK 10.20.0.100", "10.20.0.100:68"},
		"rebinding with another's address":   {[]dhcpv4.Modifier{dhcpv4.WithClientIP(ipOf("192.168.1.5"))}, "NAK", "255.255.255.255:68"},
		"to another server":                  {[]dhcpv4.Modifier{other, wish("10.20.0.100")}, "", ""},
		"without any address":                {nil, "NAK", "255.255.255.255:68"},
		"the server's own address":           {[]dhcpv4.Modifier{wish("10.20.0.1")}, "NAK", "255.255.255.255:68"},
		"relayed and refused":                {[]dhcpv4.Modifier{dhcpv4.WithRelay(ipOf("10.20.0.5")), wish("10.20.0.1")}, "NAK", "10.20.0.5:67"},
	} {
		a := r.handle(r.from(1, dhcpv4.MessageTypeRequest, c.mods...))
		r.want(what, says(a), c.want)
		if a.reply != nil {
			r.want(what, a.to.String(), c.to)
		}
		if wantChange := len(c.want) > 3; a.changed != wantChange {
			t.Errorf("%s: leases changed: %v", what, a.changed)
		}
	}
	r.want("an unknown machine that comes back to a free address", says(r.handle(r.from(7, dhcpv4.MessageTypeRequest, wish("10.20.0.102")))), "ACK 10.20.0.102")
	r.want("an unknown machine that comes back to a taken address", says(r.handle(r.from(8, dhcpv4.MessageTypeRequest, wish("10.20.0.102")))), "NAK")
}

func TestAnotherServersOfferTaken(t *testing.T) {
	r := newRoom(t, here)
	r.want("offer", r.offered(1), "10.20.0.100")
	r.handle(r.from(1, dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptServerIdentifier(ipOf("10.20.0.2"))), wish("10.20.0.77")))
	r.want("the offer is free again", r.offered(2), "10.20.0.100")
}

func TestReleaseAndDecline(t *testing.T) {
	r := newRoom(t, here)
	first := r.leaseTo(1)
	if a := r.handle(r.from(1, dhcpv4.MessageTypeRelease, us, dhcpv4.WithClientIP(ipOf(first)))); a.reply != nil || !a.changed {
		t.Errorf("release: %+v", a)
	}
	r.clock = r.clock.Add(time.Second)
	r.want("another machine with that wish", r.offered(2, wish(first)), first)
	r.want("its former owner", r.leaseTo(1), "10.20.0.101")

	if a := r.handle(r.from(1, dhcpv4.MessageTypeDecline, us, wish("10.20.0.101"))); a.reply != nil || !a.changed {
		t.Errorf("decline: %+v", a)
	}
	r.want("after its decline", r.leaseTo(1), "10.20.0.102")
	if a := r.handle(r.from(9, dhcpv4.MessageTypeDecline, us, wish("10.20.0.102"))); a.changed {
		t.Error("a machine declined another's address")
	}
	r.want("nothing is left", r.offered(3), "")
	r.clock = r.clock.Add(declineTime)
	r.want("after a while the declined one is tried again", r.offered(3), "10.20.0.101")
}

func TestInform(t *testing.T) {
	r := newRoom(t, here)
	a := r.handle(r.from(1, dhcpv4.MessageTypeInform, dhcpv4.WithClientIP(ipOf("10.20.0.44"))))
	r.want("inform", says(a), "ACK 0.0.0.0")
	r.want("inform", a.to.String(), "10.20.0.44:68")
	if a.reply.Options.Has(dhcpv4.OptionIPAddressLeaseTime) || a.changed {
		t.Error("inform made a lease:", a.reply.Summary())
	}
}

func TestLeasesSurvive(t *testing.T) {
	r, dir := newRoom(t, here), t.TempDir()
	r.leaseTo(1)
	r.leaseTo(2)
	r.offered(3)
	if err := saveLeases(dir, r.table.bound()); err != nil {
		t.Fatal(err)
	}
	again := newRoom(t, here)
	leases, err := loadLeases(dir)
	if err != nil || len(leases) != 2 {
		t.Fatalf("%d leases, %v", len(leases), err)
	}
	again.table.restore(leases, again.clock)
	again.want("the offer was forgotten, the leases not", again.leaseTo(4), "10.20.0.102")
	again.want("the second machine", again.leaseTo(2), "10.20.0.101")

	smaller := newRoom(t, `{"interface":"eth1","address":"10.20.0.1","cidr":["10.20.0.0/24"],"range":"10.20.0.101-10.20.0.102","fixed":{"52:54:00:00:00:07":"10.20.0.101"}}`)
	smaller.table.restore(leases, smaller.clock)
	if n := len(smaller.table.bound()); n != 0 {
		t.Errorf("%d leases on addresses that are not to be had any more", n)
	}
}

func TestDamagedLeases(t *testing.T) {
	for _, text := range []string{"", "{", `{"version":2}`, `{"version":1,"leases":[{"mac":"x"}]}`, `{"version":1,"leases":[{"mac":"52:54:00:00:00:01","address":"::1"}]}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, leaseFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := loadLeases(dir); err == nil {
			t.Errorf("%q was taken for leases", text)
		}
	}
	if leases, err := loadLeases(t.TempDir()); err != nil || leases != nil {
		t.Errorf("no file: %v, %v", leases, err)
	}
}
