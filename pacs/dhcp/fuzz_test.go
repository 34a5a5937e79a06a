package dhcp

import (
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// FuzzHandler sends any bytes to both ports; whatever comes back must be a packet, and no address may be given twice.
func FuzzHandler(f *testing.F) {
	seed := newRoom(&testing.T{}, here)
	for _, options := range captured {
		for _, t := range []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeInform, dhcpv4.MessageTypeRelease, dhcpv4.MessageTypeDecline} {
			f.Add(seed.from(1, t, append(options, us, wish("10.20.0.100"), opt(82, "x"))...).ToBytes())
		}
	}
	from := netip.MustParseAddrPort("10.20.0.77:4011")
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := dhcpv4.FromBytes(data)
		if err != nil {
			return
		}
		r := newRoom(t, here)
		r.leaseTo(2)
		for _, a := range []answer{r.handle(p), r.handle(p), r.handlePXE(p, from)} {
			if a.reply == nil {
				continue
			}
			again, err := dhcpv4.FromBytes(a.reply.ToBytes())
			if err != nil || again.TransactionID != p.TransactionID || !a.to.IsValid() {
				t.Fatalf("reply %v to %s: %v", a.reply, a.to, err)
			}
			if p.ClientHWAddr.String() != mac(2).String() && again.YourIPAddr.String() == "10.20.0.100" {
				t.Fatalf("another machine's address was given to %s", p.ClientHWAddr)
			}
		}
	})
}
