package dhcp

import (
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	programs "viver/pacs/netboot/ipxe"
)

// vendorPXE is option 43 for PXE clients: PXE_DISCOVERY_CONTROL (6) = 8, take the boot file of this very offer and ask nobody else
// (PXE 2.1 section 2.4.1). With option 60 but without it OVMF goes to port 4011 first.
const vendorPXE = "\x06\x01\x08\xff"

// bootFile returns what the client is to load next: a URL, or a name at the TFTP server. Empty: nothing.
func (b *Boot) bootFile(c client) string {
	switch c.program {
	case ipxe:
		return b.URL + programs.PathScript
	case httpBoot:
		if name := b.byArch(c); name != "" {
			return b.URL + programs.PathPrograms + name
		}
	case firmware:
		return b.byArch(c)
	}
	return ""
}

func (b *Boot) byArch(c client) string {
	switch {
	case !c.known:
		return ""
	case c.arch == iana.INTEL_X86PC:
		return b.BIOS
	case c.arch == iana.EFI_X86_64, c.arch == iana.EFI_BC, c.arch == iana.EFI_X86_64_HTTP:
		return b.UEFI
	case c.arch == iana.EFI_ARM64, c.arch == iana.EFI_ARM64_HTTP:
		return b.ARM64
	}
	return ""
}

// addBoot puts all that the client needs for its next step into the reply, and says whether there is such a step. Firmware
// differs in what it reads, so it gets everything twice: header fields and options 66 and 67.
// A PXE client wants its vendor class back: without it iPXE waits 3 s for a better offer, and OVMF ignores a proxy's.
func (s *settings) addBoot(reply, request *dhcpv4.DHCPv4, c client) bool {
	if s.boot == nil {
		return false
	}
	file := s.boot.bootFile(c)
	if file == "" {
		return false
	}
	if len(file) < 128 { // field `file` ends with a zero byte
		reply.BootFileName = file
	}
	reply.UpdateOption(dhcpv4.OptBootFileName(file))
	if c.program == httpBoot {
		reply.UpdateOption(dhcpv4.OptClassIdentifier(classHTTP))
	} else {
		reply.ServerIPAddr = ip(s.tftp)
		reply.UpdateOption(dhcpv4.OptTFTPServerName(s.tftp.String()))
		reply.UpdateOption(dhcpv4.OptClassIdentifier(classPXE))
		reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, []byte(vendorPXE)))
	}
	if id := request.GetOneOption(dhcpv4.OptionClientMachineIdentifier); id != nil { // RFC 4578 section 2.3
		reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, id))
	}
	return true
}

// ip returns a as the DHCP library has it: four bytes.
func ip(a netip.Addr) net.IP { return a.AsSlice() }
