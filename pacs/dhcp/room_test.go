package dhcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"

	"viver/nodeimage/spec"
	"viver/pacs/dhcp"
)

// TestMain lets the test binary be the programs that tests run in their network namespaces.
func TestMain(m *testing.M) {
	switch os.Getenv("DHCP_TEST_PROGRAM") {
	case "unit":
		end(unitProgram())
	case "storm":
		end(stormProgram())
	}
	os.Exit(m.Run())
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// unitProgram runs the unit as viver-node does: UnitStart on standard input, events on standard output.
func unitProgram() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var start spec.UnitStart
	if err := json.NewDecoder(os.Stdin).Decode(&start); err != nil {
		return err
	}
	events := json.NewEncoder(os.Stdout)
	return dhcp.Run(ctx, start, func(e spec.UnitEvent) { events.Encode(e) }, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

// stormSize is how many machines are switched on at once.
const stormSize = 100

// stormProgram plays stormSize machines on eth1 and prints the address of each.
func stormProgram() error {
	conn, err := nclient4.NewRawUDPConn("eth1", 68)
	if err != nil {
		return err
	}
	defer conn.Close()
	server := &net.UDPAddr{IP: net.IPv4bcast, Port: 67}
	for n := range stormSize {
		p, err := dhcpv4.NewDiscovery(net.HardwareAddr{2, 0, 0, 0, 1, byte(n)}, dhcpv4.WithBroadcast(true))
		if err != nil {
			return err
		}
		if _, err := conn.WriteTo(p.ToBytes(), server); err != nil {
			return err
		}
	}
	buf := make([]byte, 1500)
	for bound := map[string]bool{}; len(bound) < stormSize; {
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			return err
		}
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return fmt.Errorf("%d machines have an address: %w", len(bound), err)
		}
		p, err := dhcpv4.FromBytes(buf[:n])
		if err != nil {
			return err
		}
		switch p.MessageType() {
		case dhcpv4.MessageTypeOffer:
			request, err := dhcpv4.NewRequestFromOffer(p)
			if err != nil {
				return err
			}
			if _, err := conn.WriteTo(request.ToBytes(), server); err != nil {
				return err
			}
		case dhcpv4.MessageTypeAck:
			bound[p.ClientHWAddr.String()] = true
			fmt.Println(p.YourIPAddr)
		}
	}
	return nil
}

// cable is two network namespaces, joined by a cable between their interfaces eth1: the server has 10.20.0.1, the client nothing.
type cable struct {
	t              *testing.T
	server, client string
	dir            string
}

func newCable(t *testing.T) *cable {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	c := &cable{t: t, dir: t.TempDir()}
	c.server, c.client = fmt.Sprintf("viver-dhcp-s%d", os.Getpid()), fmt.Sprintf("viver-dhcp-c%d", os.Getpid())
	for _, ns := range []string{c.server, c.client} {
		c.ip("netns", "add", ns)
		t.Cleanup(func() { remove(ns) })
	}
	c.ip("-n", c.server, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", c.client)
	for _, ns := range []string{c.server, c.client} {
		c.ip("-n", ns, "link", "set", "lo", "up")
		c.ip("-n", ns, "link", "set", "eth1", "up")
	}
	c.ip("-n", c.server, "address", "add", "10.20.0.1/24", "dev", "eth1")
	return c
}

// remove ends everything that runs in a namespace, and the namespace.
func remove(ns string) {
	pids, _ := exec.Command("ip", "netns", "pids", ns).Output()
	for _, field := range strings.Fields(string(pids)) {
		if pid, err := strconv.Atoi(field); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	exec.Command("ip", "netns", "delete", ns).Run()
}

func (c *cable) ip(args ...string) {
	c.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		c.t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

func (c *cable) command(ns, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(c.t.Context(), "ip", append([]string{"netns", "exec", ns, name}, args...)...)
}

// unit is a running unit in the server's namespace.
type unit struct {
	t      *testing.T
	cmd    *exec.Cmd
	events *bufio.Scanner
	errors *strings.Builder
}

func (c *cable) start(config string) *unit {
	c.t.Helper()
	u := &unit{t: c.t, errors: new(strings.Builder)}
	start, err := json.Marshal(spec.UnitStart{Unit: spec.UnitSpec{Name: "dhcp", Type: "dhcp", Config: []byte(config)}, StateDir: c.dir})
	if err != nil {
		c.t.Fatal(err)
	}
	u.cmd = c.command(c.server, os.Args[0])
	u.cmd.Env = append(os.Environ(), "DHCP_TEST_PROGRAM=unit")
	u.cmd.Stdin, u.cmd.Stderr = strings.NewReader(string(start)), u.errors
	out, err := u.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	u.events = bufio.NewScanner(out)
	if err := u.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { u.cmd.Process.Kill() })
	return u
}

// event returns the next one; it fails the test when the unit ends.
func (u *unit) event() spec.UnitEvent {
	u.t.Helper()
	var e spec.UnitEvent
	if !u.events.Scan() {
		u.cmd.Wait()
		u.t.Fatalf("the unit has ended: %s", u.errors)
	}
	if err := json.Unmarshal(u.events.Bytes(), &e); err != nil {
		u.t.Fatal(err)
	}
	return e
}

func (u *unit) wantReady(want string) {
	u.t.Helper()
	if e := u.event(); e.Ready == nil || e.Ready.Detail != want {
		u.t.Fatalf("event %+v, want ready: %s", e.Ready, want)
	}
}

func (u *unit) stop() {
	u.t.Helper()
	u.cmd.Process.Signal(syscall.SIGTERM)
	for u.events.Scan() {
	}
	if err := u.cmd.Wait(); err != nil {
		u.t.Errorf("the unit ended with %v: %s", err, u.errors)
	}
}

// need skips the test without a tool; under CI it fails.
func need(t *testing.T, tool, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: apt-get install %s", tool, pkg)
	}
	t.Skipf("%s is missing: apt-get install %s", tool, pkg)
}

// script is a hook for DHCP clients that writes down what they were given and touches nothing of this machine.
func (c *cable) script() (path, record string) {
	path, record = filepath.Join(c.dir, "hook"), filepath.Join(c.dir, "record")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nenv >>"+record+"\n"), 0o755); err != nil {
		c.t.Fatal(err)
	}
	return path, record
}

// given returns the record as variables, and removes it.
func (c *cable) given(record string) map[string]string {
	c.t.Helper()
	data, err := os.ReadFile(record)
	if err != nil {
		c.t.Fatal(err)
	}
	os.Remove(record)
	got := map[string]string{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		got[key] = value
	}
	return got
}

const only = `{"interface":"eth1","mode":"authoritative","router":"10.20.0.254","dns":["10.20.0.53"]}`

func TestForeignClients(t *testing.T) {
	need(t, "udhcpc", "udhcpc")
	need(t, "dhclient", "isc-dhcp-client")
	c := newCable(t)
	hook, record := c.script()
	u := c.start(only)
	u.wantReady("authoritative, 10.20.0.100-250 on eth1")

	udhcpc := func(more ...string) map[string]string {
		t.Helper()
		out, err := c.command(c.client, "udhcpc", append([]string{"-i", "eth1", "-f", "-n", "-q", "-t", "5", "-T", "1", "-s", hook}, more...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("udhcpc: %v: %s", err, out)
		}
		return c.given(record)
	}
	got := udhcpc()
	if got["ip"] != "10.20.0.100" || got["mask"] != "24" || got["router"] != "10.20.0.254" || got["dns"] != "10.20.0.53" || got["lease"] != "43200" || got["serverid"] != "10.20.0.1" {
		t.Errorf("udhcpc was given %v", got)
	}

	u.stop()
	u = c.start(only)
	u.wantReady("authoritative, 10.20.0.100-250 on eth1")
	if got := udhcpc("-C", "-r", "10.20.0.77"); got["ip"] != "10.20.0.100" {
		t.Errorf("after a restart udhcpc was given %v", got)
	}

	leases := filepath.Join(c.dir, "dhclient.leases")
	dhclient := func(more ...string) {
		t.Helper()
		args := append([]string{"-4", "-v", "-lf", leases, "-pf", filepath.Join(c.dir, "dhclient.pid"), "-sf", hook}, more...)
		if out, err := c.command(c.client, "dhclient", append(args, "eth1")...).CombinedOutput(); err != nil {
			t.Fatalf("dhclient: %v: %s", err, out)
		}
	}
	if err := os.WriteFile(leases, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	dhclient("-1")
	if got := c.given(record); got["new_ip_address"] != "10.20.0.100" || got["new_dhcp_lease_time"] != "43200" {
		t.Errorf("dhclient was given %v", got)
	}
	dhclient("-r")
	u.stop()
	if log := u.errors.String(); strings.Contains(log, "level=WARN") && !strings.Contains(log, "router solicitations") {
		t.Errorf("log: %s", log)
	}
}

func TestManyMachinesAtOnce(t *testing.T) {
	c := newCable(t)
	u := c.start(only)
	u.wantReady("authoritative, 10.20.0.100-250 on eth1")
	storm := c.command(c.client, os.Args[0])
	storm.Env = append(os.Environ(), "DHCP_TEST_PROGRAM=storm")
	out, err := storm.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		a, err := netip.ParseAddr(strings.TrimSpace(line))
		if err != nil || seen[line] {
			t.Errorf("%q: %v, given before: %v", line, err, seen[line])
		}
		seen[line] = a.IsValid()
	}
	u.stop()
	var file struct{ Leases []json.RawMessage }
	data, err := os.ReadFile(filepath.Join(c.dir, "leases.json"))
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	if err != nil || len(file.Leases) != stormSize || len(seen) != stormSize {
		t.Errorf("%d addresses, %d leases on disk, %v", len(seen), len(file.Leases), err)
	}
}

// A foreign server on the cable makes the unit a proxy; on the same machine it is an error that names it.
func TestForeignServer(t *testing.T) {
	need(t, "busybox", "busybox")
	c := newCable(t)
	c.ip("-n", c.client, "address", "add", "10.20.0.2/24", "dev", "eth1")
	udhcpd := func(ns string) *exec.Cmd {
		t.Helper()
		config := filepath.Join(c.dir, "udhcpd.conf")
		leases := filepath.Join(c.dir, "udhcpd.leases")
		text := "start 10.20.0.200\nend 10.20.0.210\ninterface eth1\nlease_file " + leases + "\npidfile " + filepath.Join(c.dir, "udhcpd.pid") + "\n"
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(leases, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := c.command(ns, "busybox", "udhcpd", "-f", config)
		out, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("udhcpd: %s %v", line, err)
		}
		return cmd
	}
	foreign := udhcpd(c.client)
	u := c.start(`{"interface":"eth1"}`)
	u.wantReady("proxy beside 10.20.0.2 on eth1")
	u.stop()
	foreign.Process.Kill()
	foreign.Wait()

	u = c.start(`{"interface":"eth1"}`)
	u.wantReady("authoritative, 10.20.0.100-250 on eth1")
	u.stop()

	udhcpd(c.server)
	u = c.start(only)
	for u.events.Scan() {
	}
	err := u.cmd.Wait()
	if text := u.errors.String(); err == nil || !strings.Contains(text, "port 67 on eth1 is in use by busybox (PID ") {
		t.Errorf("%v: %s", err, text)
	}
}
