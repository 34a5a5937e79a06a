package discovery

import (
	"context"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grandcat/zeroconf"
	"github.com/vishvananda/netlink"

	"viver/nodeimage/spec"
)

// inNamespace runs the calling test again in a network namespace of its own, with one link that can multicast; it returns
// true there, and false in the outer test once that run is over.
func inNamespace(t *testing.T) bool {
	t.Helper()
	const mark = "VIVER_TEST_NAMESPACE"
	if os.Getenv(mark) != "" {
		addLink(t)
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

func addLink(t *testing.T) {
	t.Helper()
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lab0"}, PeerName: "lab1"}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	peer, err := netlink.LinkByName("lab1")
	if err != nil {
		t.Fatal(err)
	}
	addr, err := netlink.ParseAddr("10.77.0.1/24")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{netlink.AddrAdd(link, addr), netlink.LinkSetUp(peer), netlink.LinkSetUp(link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnnouncedServiceIsFound(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	a := &Announcer{Cluster: "abc", Machine: "pc01"}
	other := &Announcer{Cluster: "other", Machine: "pc99"}
	for _, x := range []*Announcer{a, other} {
		x.Set([]spec.Service{{Type: spec.ServiceNBD, Port: 10809, Text: []string{"image=x"}}})
		done := make(chan struct{})
		go func() { x.Run(ctx); close(done) }()
		defer func() { cancel(); <-done }()
	}
	found := make(chan Found, 16)
	browsed := make(chan struct{})
	go func() {
		defer close(browsed)
		defer close(found)
		Browse(ctx, spec.ServiceNBD, "abc", func(f Found) {
			select {
			case found <- f:
			case <-ctx.Done():
			}
		})
	}()
	defer func() { cancel(); <-browsed }()

	f, ok := <-found
	if !ok {
		t.Fatal("nothing found in time")
	}
	if f.Instance != "pc01" || f.Value("image") != "x" || len(f.Addresses) == 0 || f.Addresses[0].String() != "10.77.0.1:10809" {
		t.Errorf("found %+v", f)
	}
	// A second service of the type appears while the announcer runs.
	a.Set([]spec.Service{{Type: spec.ServiceNBD, Port: 10809, Text: []string{"image=x"}}, {Type: spec.ServiceNBD, Port: 10810}})
	for f := range found {
		if f.Value("cluster") != "abc" {
			t.Errorf("found %+v of another cluster", f)
		}
		if f.Instance == "pc01-10810" {
			return
		}
	}
	t.Error("the second service was not found in time")
}

func TestFromEntryTakesOnlyUsableAddresses(t *testing.T) {
	e := zeroconf.NewServiceEntry("pc01", spec.ServiceNBD, domain)
	e.Port = 10809
	e.AddrIPv4 = []net.IP{net.IPv4zero, net.IPv4(224, 0, 0, 1), net.IPv4(169, 254, 3, 4)}
	e.AddrIPv6 = []net.IP{net.ParseIP("fe80::1"), net.ParseIP("fd00::1"), {1, 2, 3}}
	var got []string
	for _, a := range fromEntry(e).Addresses {
		got = append(got, a.String())
	}
	if diff := cmp.Diff([]string{"169.254.3.4:10809", "[fd00::1]:10809"}, got); diff != "" {
		t.Error(diff)
	}
	e.Port = 70000
	if f := fromEntry(e); len(f.Addresses) != 0 {
		t.Errorf("port 70000 was taken: %+v", f)
	}
}

func TestBrowseRefusesWhatIsNoType(t *testing.T) {
	if err := Browse(t.Context(), "nbd", "abc", nil); err == nil {
		t.Error("no error")
	}
}
