package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/testing/lab"
	"viver/testing/room"
)

// TestForeignRoom boots a PC as it stands in many rooms: UEFI, two network cards of which the second leads to the server, which need the
// kernel that has drivers for real hardware; and another DHCP server gives the addresses.
func TestForeignRoom(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	r := open(t, "e2e-foreign", map[string]string{"kernel": "linux-image-amd64"}, lab.Machine{
		Name: "vm1", Firmware: lab.UEFI, MemoryMB: 1024,
		NIC: "e1000", Network: "aside", More: []lab.Card{{NIC: "e1000e", Preferred: true}},
	})
	runDnsmasq(ctx, t, r, "10.20.200.1,10.20.200.50")
	bringUp(ctx, t, r)
	m := machine(ctx, t, r, "pc01")
	if card := r.Lab.Machines[0].More[0]; m.MAC != card.MAC {
		t.Errorf("pc01 is known as %s, its card on the server's network is %s", m.MAC, card.MAC)
	}
	if !strings.HasPrefix(m.Address, "10.20.200.") {
		t.Errorf("pc01 has the address %s, which is not dnsmasq's", m.Address)
	}
	if log := read(t, r.Dir, "seed/agent.log"); !strings.Contains(log, "proxy beside 10.20.0.3 on br0") {
		t.Errorf("the DHCP unit is otherwise:\n%s", log)
	}
	if m.Facts == nil || len(m.Facts.Interfaces) != 2 {
		t.Errorf("pc01 has the facts %+v", m.Facts)
	}
	const look = `card=$(ip -4 -brief address show scope global | cut -d' ' -f1); basename $(readlink /sys/class/net/$card/device/driver); uname -r`
	if got := on(ctx, t, r, "pc01", look); !strings.HasPrefix(got, "e1000e\n") || strings.Contains(got, "cloud") {
		t.Errorf("driver and kernel are\n%s", got)
	}
	if out, err := r.Run(ctx, "destroy", "--auto-approve"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	waitOff(ctx, t, &r.Lab.Machines[0])
}

// runDnsmasq lets dnsmasq give addresses to the room, from a host of its own, until the lab is removed.
func runDnsmasq(ctx context.Context, t *testing.T, r *room.Room, addresses string) {
	t.Helper()
	beside, err := r.Lab.Beside(ctx, "10.20.0.3/16")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "dnsmasq.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := beside(context.WithoutCancel(ctx), "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--port=0", "--interface=eth0", "--bind-interfaces",
		"--dhcp-range="+addresses+",255.255.0.0,1h", "--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"), "--pid-file", "--log-facility=-")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		said, _ := os.ReadFile(log.Name())
		t.Logf("dnsmasq said:\n%s", said)
		log.Close()
	})
	waitFor(ctx, t, "dnsmasq serves", func() bool {
		out, err := beside(ctx, "ss", "-Hlun", "sport = :67").Output()
		return err == nil && len(out) > 0
	})
}
