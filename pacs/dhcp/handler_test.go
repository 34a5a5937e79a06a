package dhcp

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"viver/nodeimage/spec"
)

// here is the network of the tests: the server is 10.20.0.1/24, there are three addresses to give.
const here = `{"interface":"eth1","address":"10.20.0.1","cidr":["fd20::/64","10.20.0.0/24"],"range":"10.20.0.100-10.20.0.102","mode":"authoritative",
	"router":"10.20.0.254","dns":["10.20.0.53"],"fixed":{"52-54-00-00-00-FF":"10.20.0.9"},
	"boot":{"url":"http://10.20.0.1","bios":"undionly.kpxe","uefi":"snponly.efi"}}`

func onEth1(string) ([]netip.Prefix, error) {
	return []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("10.20.0.1/24")}, nil
}

// room is a handler with a clock in the test's hands.
type room struct {
	*handler
	t     *testing.T
	clock time.Time
}

func newRoom(t *testing.T, config string) *room {
	t.Helper()
	s, err := parse(json.RawMessage(config), onEth1)
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	r.handler = &handler{settings: s, table: newTable(s), boots: boots{}, now: func() time.Time { return r.clock }, log: slog.New(slog.DiscardHandler)}
	return r
}

func mac(n byte) net.HardwareAddr { return net.HardwareAddr{0x52, 0x54, 0, 0, 0, n} }

func opt(code uint8, value string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), []byte(value)))
}

// from makes a packet of machine n and sends it over the wire's form.
func (r *room) from(n byte, t dhcpv4.MessageType, modifiers ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	r.t.Helper()
	p, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(mac(n)), dhcpv4.WithMessageType(t)}, modifiers...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	again, err := dhcpv4.FromBytes(p.ToBytes())
	if err != nil {
		r.t.Fatal(err)
	}
	return again
}

// The option sets that boot programs were seen to send.
var captured = map[string][]dhcpv4.Modifier{
	"QEMU's iPXE ROM, BIOS": {opt(60, "PXEClient:Arch:00000:UNDI:002001"), opt(77, "iPXE"), opt(93, "\x00\x00"), opt(94, "\x01\x02\x01"), opt(97, "\x00uuid"), opt(175, "\xb1\x05\x01\x1a\xf4\x10\x00")},
	"undionly as second":    {opt(60, "PXEClient"), opt(77, "iPXE"), opt(93, "\x00\x00"), opt(175, "\xeb\x03\x01\x00\x00")},
	"iPXE, own user class":  {opt(60, "PXEClient:Arch:00000:UNDI:002001"), opt(77, "Foo"), opt(93, "\x00\x00"), opt(175, "\xeb\x03\x01\x00\x00")},
	"snponly by HTTP boot":  {opt(60, "PXEClient:Arch:00007:UNDI:003010"), opt(77, "iPXE"), opt(93, "\x00\x07"), opt(175, "")},
	"BIOS PXE":              {opt(60, "PXEClient:Arch:00000:UNDI:002001"), opt(93, "\x00\x00"), opt(97, "\x00uuid")},
	"OVMF PXE":              {opt(60, "PXEClient:Arch:00007:UNDI:003000"), opt(93, "\x00\x07"), opt(97, "\x00uuid")},
	"UEFI PXE, arch 9":      {opt(60, "PXEClient:Arch:00009:UNDI:003000"), opt(93, "\x00\x09")},
	"OVMF HTTP boot":        {opt(60, "HTTPClient:Arch:00016:UNDI:003000"), opt(93, "\x00\x10")},
	"arm64 PXE":             {opt(60, "PXEClient:Arch:00011:UNDI:003000"), opt(93, "\x00\x0b")},
	"PXE without arch":      {opt(60, "PXEClient")},
	"operating system":      {opt(60, "MSFT 5.0")},
}

// booted is what a reply says about booting.
type booted struct{ File, Option67, Option60, Option43, Next string }

func bootOf(p *dhcpv4.DHCPv4) booted {
	return booted{p.BootFileName, p.BootFileNameOption(), p.ClassIdentifier(), string(p.GetOneOption(dhcpv4.OptionVendorSpecificInformation)), p.ServerIPAddr.String()}
}

func wantBoot() map[string]booted {
	pxe := func(file string) booted { return booted{file, file, "PXEClient", "\x06\x01\x08\xff", "10.20.0.1"} }
	http := "http://10.20.0.1/ipxe/snponly.efi"
	script := pxe("http://10.20.0.1/boot.ipxe")
	return map[string]booted{
		"QEMU's iPXE ROM, BIOS": script, "undionly as second": script, "iPXE, own user class": script, "snponly by HTTP boot": script,
		"BIOS PXE": pxe("undionly.kpxe"), "OVMF PXE": pxe("snponly.efi"), "UEFI PXE, arch 9": pxe("snponly.efi"),
		"OVMF HTTP boot": {http, http, "HTTPClient", "", "0.0.0.0"},
		"arm64 PXE":      {Next: "0.0.0.0"}, "PXE without arch": {Next: "0.0.0.0"}, "operating system": {Next: "0.0.0.0"},
	}
}

func TestBootFiles(t *testing.T) {
	for name, want := range wantBoot() {
		r := newRoom(t, here)
		request := r.from(1, dhcpv4.MessageTypeDiscover, captured[name]...)
		a := r.handle(request)
		if diff := cmp.Diff(want, bootOf(a.reply)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if a.reply.YourIPAddr.String() != "10.20.0.100" || a.to.String() != "255.255.255.255:68" {
			t.Errorf("%s: offered %s to %s", name, a.reply.YourIPAddr, a.to)
		}
		boots := want.File != ""
		if got := a.reply.GetOneOption(dhcpv4.OptionClientMachineIdentifier); boots && string(got) != string(request.GetOneOption(dhcpv4.OptionClientMachineIdentifier)) {
			t.Errorf("%s: option 97 came back as %q", name, got)
		}
		if got := a.reply.TFTPServerName(); (got == "10.20.0.1") != (want.Option60 == "PXEClient") {
			t.Errorf("%s: option 66 is %q", name, got)
		}
		if isIPXE := strings.Contains(want.File, "boot.ipxe"); a.ipxe != isIPXE {
			t.Errorf("%s: taken for iPXE: %v", name, a.ipxe)
		}
	}
}

func TestProxyAnswersBootProgramsOnly(t *testing.T) {
	for name, want := range wantBoot() {
		r := newRoom(t, strings.Replace(here, "authoritative", "proxy", 1))
		a := r.handle(r.from(1, dhcpv4.MessageTypeDiscover, captured[name]...))
		if (a.reply != nil) != (want.File != "") {
			t.Errorf("%s: reply %v", name, a.reply)
		}
		if a.reply == nil {
			continue
		}
		if diff := cmp.Diff(want, bootOf(a.reply)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if !a.reply.YourIPAddr.IsUnspecified() || a.reply.SubnetMask() != nil || a.reply.Options.Has(dhcpv4.OptionIPAddressLeaseTime) {
			t.Errorf("%s: a proxy gave an address: %s", name, a.reply.Summary())
		}
		if a := r.handle(r.from(1, dhcpv4.MessageTypeRequest, captured[name]...)); a.reply != nil {
			t.Errorf("%s: a proxy acknowledged on port 67", name)
		}
	}
}

func TestPort4011(t *testing.T) {
	r := newRoom(t, strings.Replace(here, "authoritative", "proxy", 1))
	from := netip.MustParseAddrPort("10.20.0.77:4011")
	request := r.from(1, dhcpv4.MessageTypeRequest, append(captured["OVMF PXE"], dhcpv4.WithClientIP(from.Addr().AsSlice()))...)
	a := r.handlePXE(request, from)
	if a.to != from || a.reply.MessageType() != dhcpv4.MessageTypeAck {
		t.Fatalf("answer %v to %s", a.reply, a.to)
	}
	if diff := cmp.Diff(wantBoot()["OVMF PXE"], bootOf(a.reply)); diff != "" {
		t.Error(diff)
	}
	for name, silent := range map[string]answer{
		"an operating system": r.handlePXE(r.from(1, dhcpv4.MessageTypeRequest), from),
		"a discover":          r.handlePXE(r.from(1, dhcpv4.MessageTypeDiscover, captured["OVMF PXE"]...), from),
		"another network":     r.handlePXE(request, netip.MustParseAddrPort("192.0.2.7:4011")),
	} {
		if silent.reply != nil {
			t.Errorf("%s was answered", name)
		}
	}
}

func TestOff(t *testing.T) {
	r := newRoom(t, strings.Replace(here, "authoritative", "off", 1))
	p := r.from(1, dhcpv4.MessageTypeDiscover, captured["OVMF PXE"]...)
	if a, b := r.handle(p), r.handlePXE(p, netip.MustParseAddrPort("10.20.0.7:68")); a.reply != nil || b.reply != nil {
		t.Error("answered although off")
	}
}

func TestFirmwareEvents(t *testing.T) {
	r := newRoom(t, here)
	for _, step := range []struct {
		after time.Duration
		who   string
		want  bool
	}{
		{0, "OVMF PXE", true},
		{4 * time.Second, "OVMF PXE", false}, // asks again
		{20 * time.Second, "snponly by HTTP boot", false},
		{16 * time.Second, "snponly by HTTP boot", false},
		{9 * time.Second, "operating system", false},
		{time.Hour, "operating system", false},
		{time.Minute, "OVMF PXE", true}, // the next boot
		{time.Second, "snponly by HTTP boot", false},
		{time.Second, "OVMF PXE", true}, // reset in iPXE
		{10 * time.Minute, "OVMF HTTP boot", true},
	} {
		r.clock = r.clock.Add(step.after)
		a := r.handle(r.from(1, dhcpv4.MessageTypeDiscover, captured[step.who]...))
		if (a.event != nil) != step.want {
			t.Fatalf("%s at %s: event %v", step.who, r.clock, a.event)
		}
	}
	a := r.handle(r.from(2, dhcpv4.MessageTypeDiscover, captured["QEMU's iPXE ROM, BIOS"]...))
	want := &spec.MachineEvent{MAC: "52:54:00:00:00:02", Stage: spec.StageFirmware, Detail: "BIOS, 10.20.0.101", Address: "10.20.0.101", Firmware: "bios"}
	if diff := cmp.Diff(want, a.event); diff != "" {
		t.Error(diff)
	}
}

func TestBootsForget(t *testing.T) {
	b, now := boots{}, time.Unix(0, 0)
	for i := range maxBoots + 10 {
		b.begins(string(rune(i)), firmware, now.Add(time.Duration(i)))
	}
	if _, oldest := b[string(rune(0))]; oldest || len(b) != maxBoots {
		t.Errorf("%d machines, the oldest is among them: %v", len(b), oldest)
	}
}
