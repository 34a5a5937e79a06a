package server

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"viver/providers/trust"
)

func TestNameOf(t *testing.T) {
	for addr, want := range map[string]string{
		"server.seed":                     "seed",
		"pac.room.server.seed":            "seed",
		`server.rack["a.b/c"]`:            "rack-a-b-c",
		"server.rack[2]":                  "rack-2",
		`pac.x["y.z[1]"].server.Big_Seed`: "big-seed",
		`server.rack["]["]`:               "rack",
	} {
		if got := nameOf(addr); got != want {
			t.Errorf("%s is called %s, want %s", addr, got, want)
		}
	}
}

func TestUnitNamesDiffer(t *testing.T) {
	if unitName(defaultDir) != "viver-node.service" || unitName("/srv/a") == unitName("/srv/b") || strings.Contains(unitName("/srv/a"), "/") {
		t.Error(unitName(defaultDir), unitName("/srv/a"), unitName("/srv/b"))
	}
}

func authority(t *testing.T) *trust.Authority {
	t.Helper()
	a, err := trust.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestIdentityIsFoundAgain(t *testing.T) {
	a, other := authority(t), authority(t)
	text, err := newIdentity(a, "seed")
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseFound([]byte("user 0\nprogram abc\n" + string(text) + "pid \n"))
	if err != nil || f.program != "abc" || f.pid != "" {
		t.Fatal(f, err)
	}
	for name, want := range map[string]bool{"seed": true, "two": false} {
		if has := f.hasIdentity(a, name); has != want {
			t.Errorf("%s: %v", name, has)
		}
		if err := f.refuseForeign(a, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.refuseForeign(other, "seed"); !errors.Is(err, errForeign) || f.hasIdentity(other, "seed") {
		t.Errorf("%v", err)
	}
	f.pid = "17"
	if err := f.refuseForeign(a, "two"); !errors.Is(err, errForeign) || !strings.Contains(err.Error(), `"seed"`) {
		t.Errorf("%v", err)
	}
	if err := f.refuseForeign(a, "seed"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"passport.crt", "tls.crt"} {
		delete(f.files, name)
		if f.hasIdentity(a, "seed") {
			t.Errorf("an identity without %s is taken", name)
		}
	}
	empty := found{}
	if err := empty.refuseForeign(a, "seed"); err != nil || empty.hasIdentity(a, "seed") {
		t.Error(err)
	}
}

func TestParseFoundRefuses(t *testing.T) {
	for _, text := range []string{"user root\n", "tls.crt " + base64.StdEncoding.EncodeToString([]byte("x")) + "!\n"} {
		if _, err := parseFound([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestAddressMustBeOurs(t *testing.T) {
	if err := isOurs("127.0.0.1"); err != nil {
		t.Error(err)
	}
	if err := isOurs("192.0.2.77"); err == nil || !strings.Contains(err.Error(), "ip address add") {
		t.Error(err)
	}
}
