package dhcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"viver/nodeimage/spec"
)

// Config is the document of a unit of type "dhcp". Absent and null fields take their defaults.
type Config struct {
	Interface string `json:"interface"`
	// Address is the server's own; default: the interface's first IPv4 address, or the first one within CIDR.
	Address string `json:"address,omitempty"`
	// CIDR lists the networks of the interface; the IPv4 network that Address lies in is served. Default: the interface's own.
	CIDR []string `json:"cidr,omitempty"`
	// Range is what is given out, "10.20.0.100-10.20.0.250"; default: see defaultRange.
	Range        string            `json:"range,omitempty"`
	LeaseSeconds int               `json:"lease_seconds,omitempty"` // default 43200
	Router       string            `json:"router,omitempty"`        // default: none is announced
	DNS          []string          `json:"dns,omitempty"`           // at most 8
	Fixed        map[string]string `json:"fixed,omitempty"`         // MAC -> address within the network
	Mode         Mode              `json:"mode,omitempty"`          // default: auto
	// Boot says what machines boot from; nil: addresses only.
	Boot *Boot `json:"boot,omitempty"`
}

// Boot says where each kind of firmware finds its next program. An empty file name: such machines get none.
type Boot struct {
	// URL is the HTTP server of package netboot, without a path: "http://10.20.0.1".
	URL string `json:"url"`
	// TFTP is the TFTP server's address; default: the DHCP server's.
	TFTP  string `json:"tftp,omitempty"`
	BIOS  string `json:"bios,omitempty"`
	UEFI  string `json:"uefi,omitempty"`  // x64; UEFI HTTP boot gets URL/ipxe/ and this name
	ARM64 string `json:"arm64,omitempty"` // UEFI
}

// Mode is the part that the server plays on its network.
type Mode string

// The modes. Auto asks the network, and becomes authoritative or proxy.
const (
	Authoritative Mode = "authoritative" // the only DHCP server: gives addresses and boot files
	Proxy         Mode = "proxy"         // gives boot files only, beside another DHCP server (PXE 2.1 section 2.2.3)
	Off           Mode = "off"           // answers nobody
	Auto          Mode = "auto"
)

// settings are a Config that was found good, with all defaults filled in.
type settings struct {
	iface   string
	address netip.Addr
	prefix  netip.Prefix
	first   netip.Addr // of the range
	last    netip.Addr
	lease   time.Duration
	router  netip.Addr // zero: none
	dns     []netip.Addr
	fixed   map[string]netip.Addr // by MAC, lower case with colons
	mode    Mode
	boot    *Boot
	tftp    netip.Addr
}

// parse reads and checks the document. local are the addresses of the interface.
func parse(config json.RawMessage, local func(iface string) ([]netip.Prefix, error)) (*settings, error) {
	var c Config
	if err := spec.Decode(config, &c); err != nil {
		return nil, fmt.Errorf("dhcp: configuration: %w", err)
	}
	s, err := c.settings(local)
	if err != nil {
		return nil, fmt.Errorf("dhcp: configuration: %w", err)
	}
	return s, nil
}

func (c *Config) settings(local func(iface string) ([]netip.Prefix, error)) (*settings, error) {
	s := &settings{iface: c.Interface, mode: c.Mode, boot: c.Boot, lease: time.Duration(c.LeaseSeconds) * time.Second}
	if c.Interface == "" {
		return nil, fmt.Errorf("interface is missing: name the interface that the machines are on")
	}
	switch c.Mode {
	case "":
		s.mode = Auto
	case Authoritative, Proxy, Off, Auto:
	default:
		return nil, fmt.Errorf("mode %q: want authoritative, proxy, off or auto", c.Mode)
	}
	if c.LeaseSeconds == 0 {
		s.lease = 12 * time.Hour
	}
	if s.lease < time.Minute || s.lease > 365*24*time.Hour {
		return nil, fmt.Errorf("lease_seconds %d: want 60 (a minute) to 31536000 (a year)", c.LeaseSeconds)
	}
	own, err := local(c.Interface)
	if err != nil {
		return nil, err
	}
	for _, fill := range []func(*settings) error{
		func(s *settings) error { return c.fillNetwork(s, own) }, c.fillRange, c.fillServers, c.fillFixed, c.fillBoot,
	} {
		if err := fill(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// fillNetwork chooses the server's address and the network around it.
func (c *Config) fillNetwork(s *settings, own []netip.Prefix) error {
	networks := own
	if len(c.CIDR) > 0 {
		networks = nil
		for _, text := range c.CIDR {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				return fmt.Errorf("cidr: %w", err)
			}
			if p.Addr().Is4() {
				networks = append(networks, p)
			}
		}
	}
	if c.Address != "" {
		a, err := netip.ParseAddr(c.Address)
		if err != nil || !a.Is4() {
			return fmt.Errorf("address %q is not an IPv4 address", c.Address)
		}
		own = []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}
	}
	for _, o := range own {
		for _, n := range networks {
			if n.Contains(o.Addr()) {
				s.address, s.prefix = o.Addr(), n.Masked()
				return s.checkNetwork()
			}
		}
	}
	return fmt.Errorf("interface %s has %v, which is in no IPv4 network of %v: give the interface an address of the network, or correct cidr", c.Interface, own, networks)
}

func (s *settings) checkNetwork() error {
	if s.prefix.Bits() < 8 || s.prefix.Bits() > 30 {
		return fmt.Errorf("network %s: want a prefix length of 8 to 30", s.prefix)
	}
	if s.address == s.prefix.Addr() || s.address == broadcast(s.prefix) {
		return fmt.Errorf("address %s is not a host's in %s", s.address, s.prefix)
	}
	return nil
}

func (c *Config) fillRange(s *settings) error {
	s.first, s.last = defaultRange(s.prefix)
	if c.Range == "" {
		return nil
	}
	from, to, ok := strings.Cut(c.Range, "-")
	first, err1 := netip.ParseAddr(strings.TrimSpace(from))
	last, err2 := netip.ParseAddr(strings.TrimSpace(to))
	if !ok || err1 != nil || err2 != nil {
		return fmt.Errorf("range %q: want two addresses, like 10.20.0.100-10.20.0.250", c.Range)
	}
	if !s.prefix.Contains(first) || !s.prefix.Contains(last) || last.Less(first) {
		return fmt.Errorf("range %q does not lie in %s from low to high", c.Range, s.prefix)
	}
	if plus(first, maxRange-1).Less(last) {
		return fmt.Errorf("range %q has more than %d addresses", c.Range, maxRange)
	}
	s.first, s.last = first, last
	return nil
}

func (c *Config) fillServers(s *settings) error {
	if c.Router != "" {
		a, err := netip.ParseAddr(c.Router)
		if err != nil || !s.prefix.Contains(a) {
			return fmt.Errorf("router %q is not an address in %s", c.Router, s.prefix)
		}
		s.router = a
	}
	if len(c.DNS) > 8 {
		return fmt.Errorf("dns has %d servers: want 8 at most", len(c.DNS))
	}
	for _, text := range c.DNS {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			return fmt.Errorf("dns: %q is not an IPv4 address", text)
		}
		s.dns = append(s.dns, a)
	}
	return nil
}

func (c *Config) fillFixed(s *settings) error {
	s.fixed = make(map[string]netip.Addr, len(c.Fixed))
	owner := map[netip.Addr]string{s.address: "the server", s.router: "the router", s.prefix.Addr(): "the network", broadcast(s.prefix): "broadcast"}
	for text, address := range c.Fixed {
		mac, err := net.ParseMAC(text)
		if err != nil || len(mac) != 6 {
			return fmt.Errorf("fixed: %q is not a MAC address", text)
		}
		a, err := netip.ParseAddr(address)
		if err != nil || !s.prefix.Contains(a) {
			return fmt.Errorf("fixed: %s: %q is not an address in %s", text, address, s.prefix)
		}
		if who := owner[a]; who != "" {
			return fmt.Errorf("fixed: %s: %s belongs to %s", text, a, who)
		}
		if _, twice := s.fixed[mac.String()]; twice {
			return fmt.Errorf("fixed: %s is there twice", mac)
		}
		s.fixed[mac.String()], owner[a] = a, mac.String()
	}
	return nil
}

func (c *Config) fillBoot(s *settings) error {
	s.tftp = s.address
	if c.Boot == nil {
		return nil
	}
	if !strings.HasPrefix(c.Boot.URL, "http://") || strings.HasSuffix(c.Boot.URL, "/") || len(c.Boot.URL) > 200 {
		return fmt.Errorf("boot.url %q: want http:// and a host, like http://10.20.0.1 (Debian's iPXE has no https)", c.Boot.URL)
	}
	for _, name := range []string{c.Boot.BIOS, c.Boot.UEFI, c.Boot.ARM64} {
		if len(name) > 127 || bytes.ContainsAny([]byte(name), "\x00") { // field `file`, RFC 2131 section 2
			return fmt.Errorf("boot: file name %q is longer than 127 bytes or has a zero byte", name)
		}
	}
	if c.Boot.TFTP != "" {
		a, err := netip.ParseAddr(c.Boot.TFTP)
		if err != nil || !a.Is4() {
			return fmt.Errorf("boot.tftp %q is not an IPv4 address", c.Boot.TFTP)
		}
		s.tftp = a
	}
	return nil
}
