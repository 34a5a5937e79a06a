package netboot

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"

	"viver/nodeimage/spec"
	"viver/pacs/netboot/ipxe"
)

// Config is the document of a unit of type "netboot". Absent and null fields take their defaults.
type Config struct {
	Listen string `json:"listen,omitempty"` // default ":80"
	// URL is how machines reach this server, without a path: "http://10.20.0.1".
	URL   string      `json:"url"`
	Image spec.Digest `json:"image"` // in the server's image store
	// Servers go into the bundle: where machines ask first. At least one.
	Servers []spec.Server `json:"servers"`
	// KernelArguments are added to the kernel's command line, which everybody can read: default "quiet".
	KernelArguments *string `json:"kernel_arguments,omitempty"`
	IPXEDir         string  `json:"ipxe_dir,omitempty"` // default ipxe.Dir
}

// maxArguments leaves room for viver's own on the kernel's command line (2048 bytes on x86).
const maxArguments = 1024

func parse(config json.RawMessage) (*Config, error) {
	c := &Config{Listen: ":80", IPXEDir: ipxe.Dir}
	if err := spec.Decode(config, c); err != nil {
		return nil, fmt.Errorf("netboot: configuration: %w", err)
	}
	if c.KernelArguments == nil {
		quiet := "quiet"
		c.KernelArguments = &quiet
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("netboot: configuration: %w", err)
	}
	return c, nil
}

func (c *Config) check() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" || c.URL != "http://"+u.Host {
		return fmt.Errorf("url %q: want http:// and a host, like http://10.20.0.1 (Debian's iPXE has no https)", c.URL)
	}
	if _, err := c.Image.Hex(); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	if len(c.Servers) == 0 {
		return fmt.Errorf("servers is empty: machines would not know where to join")
	}
	for _, s := range c.Servers {
		for _, address := range []string{s.Join, s.NBD} {
			if host, port, err := net.SplitHostPort(address); address != "" && (err != nil || host == "" || port == "") {
				return fmt.Errorf("servers: %s: %q is not host:port", s.Name, address)
			}
		}
	}
	return checkArguments(*c.KernelArguments)
}

// checkArguments refuses what iPXE's script language would not hand on as it is.
func checkArguments(arguments string) error {
	if len(arguments) > maxArguments {
		return fmt.Errorf("kernel_arguments has %d bytes: want %d at most", len(arguments), maxArguments)
	}
	for _, c := range arguments {
		if c < ' ' || c > '~' || c == '$' || c == '\\' {
			return fmt.Errorf("kernel_arguments: %q cannot stand in an iPXE script: use printable ASCII without $ and \\", c)
		}
	}
	for _, word := range strings.Fields(arguments) {
		if word == "&&" || word == "||" || word[0] == '#' || strings.HasPrefix(word, "initrd=") {
			return fmt.Errorf("kernel_arguments: the word %q means something else in an iPXE script: leave it out", word)
		}
	}
	return nil
}
