package ra

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	const own = "fe80::5054:ff:fe12:3456" // made from 52:54:00:12:34:56
	solicitation := []byte{133, 0, 0, 0, 0, 0, 0, 0}
	withMAC := append(bytes.Clone(solicitation), 1, 1, 0x02, 0, 0, 0, 0, 9)
	for name, c := range map[string]struct {
		data []byte
		from string
		mac  string
	}{
		"MAC in the address":       {solicitation, own, "52:54:00:12:34:56"},
		"MAC in an option":         {withMAC, "fe80::1234", "02:00:00:00:00:09"},
		"after an unknown option":  {append(append(bytes.Clone(solicitation), 99, 1, 0, 0, 0, 0, 0, 0), withMAC[8:]...), own, "02:00:00:00:00:09"},
		"no MAC at all":            {solicitation, "fe80::1234", ""},
		"from a global address":    {withMAC, "fd00::1", ""},
		"from no address":          {withMAC, "::", ""},
		"an advertisement":         {append([]byte{134}, withMAC[1:]...), own, ""},
		"cut off":                  {solicitation[:7], own, ""},
		"an option without length": {append(bytes.Clone(solicitation), 1, 0, 0, 0, 0, 0, 0, 0), own, ""},
		"an option that is cut":    {append(bytes.Clone(solicitation), 1, 2, 0, 0, 0, 0, 0, 0), own, ""},
	} {
		q, ok := parse(c.data, &net.IPAddr{IP: net.ParseIP(c.from), Zone: "eth1"})
		if ok != (c.mac != "") || ok && (q.mac != c.mac || q.from.String() != c.from+"%eth1") {
			t.Errorf("%s: %+v, %v", name, q, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		q, ok := parse(data, &net.IPAddr{IP: net.ParseIP("fe80::1")})
		if _, err := net.ParseMAC(q.mac); ok && err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
	})
}

func TestAdvertisement(t *testing.T) {
	want := []byte{134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1}
	if got := advertisement(net.HardwareAddr{2, 0, 0, 0, 0, 1}); !bytes.Equal(got, want) {
		t.Errorf("% x", got)
	}
	if got := advertisement(nil); !bytes.Equal(got, want[:16]) {
		t.Errorf("% x", got)
	}
}

func TestMatcher(t *testing.T) {
	m, now := newMatcher(), time.Unix(0, 0)
	a := query{netip.MustParseAddr("fe80::a%eth1"), "a"}
	if m.solicited(a, now) {
		t.Error("a machine was answered that was never seen to boot")
	}
	if from, ok := m.booting("a", now.Add(2*time.Second)); !ok || from != a.from {
		t.Error("the solicitation before DHCP was lost")
	}
	if _, ok := m.booting("a", now.Add(3*time.Second)); ok {
		t.Error("one solicitation was answered twice")
	}
	if !m.solicited(a, now.Add(10*time.Second)) {
		t.Error("the solicitation after DHCP was not answered")
	}
	if m.solicited(a, now.Add(2*time.Minute)) {
		t.Error("answered when iPXE was long over")
	}
	if _, ok := m.booting("a", now.Add(3*time.Minute)); ok {
		t.Error("a stale solicitation was answered")
	}
}

func TestMatcherIsBounded(t *testing.T) {
	m, now := newMatcher(), time.Unix(0, 0)
	for i := range 3 * maxKnown {
		m.solicited(query{mac: fmt.Sprint(i)}, now)
		m.booting(fmt.Sprint("b", i), now)
	}
	if len(m.seen) > maxKnown || len(m.waiting) > maxKnown {
		t.Errorf("%d seen, %d waiting", len(m.seen), len(m.waiting))
	}
	m.booting("late", now.Add(time.Hour))
	if len(m.seen) != 1 || len(m.waiting) != 0 {
		t.Errorf("an hour later: %d seen, %d waiting", len(m.seen), len(m.waiting))
	}
}
