package dhcp

import (
	"bytes"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// program is what in a machine asks.
type program int

const (
	other    program = iota // an operating system
	ipxe                    // iPXE, from the network card's ROM or sent by us: the two cannot be told apart
	firmware                // BIOS or UEFI: PXE by TFTP
	httpBoot                // UEFI HTTP boot
)

// client is what a packet says of its sender.
type client struct {
	program program
	// arch is the client's architecture (RFC 5970 section 3.3, IANA's list of processor types), as it says.
	arch iana.Arch
	// known is false when the packet names no architecture.
	known bool
}

// classify reads the options that boot programs tell themselves apart by. iPXE comes first: it also says that it is a PXE client.
//
//	option 60  vendor class: "PXEClient:Arch:00007:UNDI:003000", "HTTPClient:Arch:00016:..."; iPXE's undionly sends a bare "PXEClient"
//	option 77  user class: iPXE sends the raw string "iPXE", without the length byte of RFC 3004; `set user-class` changes it
//	option 93  architecture, RFC 4578 section 2.1
//	option 175 iPXE's own; always there
func classify(p *dhcpv4.DHCPv4) client {
	var c client
	if archs := p.ClientArch(); len(archs) > 0 {
		c.arch, c.known = archs[0], true
	}
	class := p.ClassIdentifier()
	switch {
	case p.Options.Has(optionIPXE), bytes.Contains(p.GetOneOption(dhcpv4.OptionUserClassInformation), []byte("iPXE")):
		c.program = ipxe
	case strings.HasPrefix(class, classHTTP):
		c.program = httpBoot
	case strings.HasPrefix(class, classPXE):
		c.program = firmware
	}
	return c
}

const (
	optionIPXE = dhcpv4.GenericOptionCode(175)
	classPXE   = "PXEClient"
	classHTTP  = "HTTPClient"
)

// String describes the machine for people: "UEFI x64".
func (c client) String() string {
	switch c.arch {
	case iana.INTEL_X86PC:
		if c.known {
			return "BIOS"
		}
	case iana.EFI_X86_64, iana.EFI_BC:
		return "UEFI x64"
	case iana.EFI_ARM64:
		return "UEFI arm64"
	case iana.EFI_X86_64_HTTP:
		return "UEFI x64, HTTP boot"
	case iana.EFI_ARM64_HTTP:
		return "UEFI arm64, HTTP boot"
	}
	if !c.known {
		return "unknown firmware"
	}
	return c.arch.String()
}

// firmware returns "bios" or "uefi", or "" where the packet does not tell.
func (c client) firmware() string {
	switch {
	case !c.known:
		return ""
	case c.arch == iana.INTEL_X86PC:
		return "bios"
	default:
		return "uefi"
	}
}
