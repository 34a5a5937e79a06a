package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"viver/testing/lab"
)

// bootScript is what iPXE is given by the foreign boot server.
const bootScript = `#!ipxe
kernel http://10.20.0.1/vmlinuz initrd=initrd %s
initrd http://10.20.0.1/initrd
boot
`

const nbdConfig = `[generic]
	listenaddr = 10.20.0.1
[root]
	exportname = %s
	readonly = true
`

// openNBDServer makes machines that boot over the network as people set that up by hand: dnsmasq, an HTTP server and nbd-server. It
// is set up well: iPXE would wait three seconds for a proxy (option 175.176), and 15 for an IPv6 router.
func openNBDServer(ctx context.Context, w *workshop) (_ system, err error) {
	client, err := exec.LookPath("nbd-client")
	if err != nil {
		return nil, fmt.Errorf("%w: install it: apt-get install nbd-client", err)
	}
	initrd, err := plain{attach: "attach-nbd", modules: []string{"virtio_pci", "virtio_net", "nbd"}, programs: []string{client}}.make(ctx, w.image)
	if err != nil {
		return nil, err
	}
	p, err := newPeer(ctx, nbdServer, w.dir, w.machines())
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(context.WithoutCancel(ctx)))
		}
	}()
	config := filepath.Join(p.dir, "nbd.conf")
	err = errors.Join(
		os.WriteFile(filepath.Join(p.dir, "boot.ipxe"), fmt.Appendf(nil, bootScript, lab.Arguments), 0o644),
		os.WriteFile(filepath.Join(p.dir, "initrd"), initrd, 0o644),
		copyFile(filepath.Join(p.dir, "vmlinuz"), w.image.kernel),
		os.WriteFile(config, fmt.Appendf(nil, nbdConfig, w.image.root), 0o644),
		p.lab.Command(ctx, "ip", "address", "add", "fd77::1/64", "dev", lab.Bridge, "nodad").Run(),
	)
	if err != nil {
		return nil, err
	}
	return p, errors.Join(
		p.serve(ctx, "busybox", "httpd", "-f", "-p", "10.20.0.1:80", "-h", p.dir),
		p.lab.Command(ctx, "nbd-server", "-C", config, "-p", filepath.Join(p.dir, "nbd.pid")).Run(), // goes on in the background
		p.serve(ctx, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--port=0", "--interface="+lab.Bridge,
			"--pid-file", "--log-facility=-", "--dhcp-leasefile="+filepath.Join(p.dir, "leases"), "--dhcp-authoritative", "--no-ping",
			"--dhcp-range=10.20.0.100,10.20.0.250,1h", "--dhcp-match=set:ipxe,175", "--dhcp-boot=tag:ipxe,http://10.20.0.1/boot.ipxe",
			"--dhcp-option=encap:175,176,1b", "--dhcp-range=fd77::,ra-only", "--enable-ra"),
	)
}
