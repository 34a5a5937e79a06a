package dhcp

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDefaults(t *testing.T) {
	s, err := parse(json.RawMessage(`{"interface":"eth1","address":null,"cidr":["10.20.0.0/16"],"range":null,"lease_seconds":null,"mode":null,"boot":{"url":"http://10.20.0.1:8080","tftp":null}}`), onEth1)
	if err != nil {
		t.Fatal(err)
	}
	if s.address.String() != "10.20.0.1" || s.rangeText() != "10.20.0.100-10.20.16.3" || s.mode != Auto || s.lease.Hours() != 12 || s.tftp != s.address {
		t.Errorf("%+v", s)
	}
	s, err = parse(json.RawMessage(`{"interface":"eth1"}`), onEth1)
	if err != nil || s.address.String() != "192.0.2.1" || s.rangeText() != "192.0.2.100-250" {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = parse(json.RawMessage(`{"interface":"eth1","address":"192.0.2.1","cidr":["192.0.2.0/28"]}`), onEth1)
	if err != nil || s.rangeText() != "192.0.2.4-14" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRefused(t *testing.T) {
	for config, want := range map[string]string{
		`{}`:                                  "interface is missing",
		`{"interface":"eth1","rnge":1}`:       "unknown field",
		`{"interface":"eth1","mode":"slave"}`: "want authoritative, proxy, off or auto",
		`{"interface":"eth1","cidr":["10.30.0.0/16"]}`:                                                   "give the interface an address",
		`{"interface":"eth1","cidr":["fd00::/64"]}`:                                                      "is in no IPv4 network",
		`{"interface":"eth1","cidr":["10.20.0.0"]}`:                                                      "cidr: netip.ParsePrefix",
		`{"interface":"eth1","address":"10.30.0.1"}`:                                                     "is in no IPv4 network",
		`{"interface":"eth1","address":"x"}`:                                                             "not an IPv4 address",
		`{"interface":"eth1","address":"10.20.0.0","cidr":["10.20.0.0/24"]}`:                             "not a host's",
		`{"interface":"eth1","cidr":["10.20.0.0/31"]}`:                                                   "prefix length of 8 to 30",
		`{"interface":"eth1","range":"192.0.2.9"}`:                                                       "want two addresses",
		`{"interface":"eth1","range":"192.0.2.9-192.0.2.4"}`:                                             "from low to high",
		`{"interface":"eth1","range":"192.0.2.9-192.0.3.4"}`:                                             "from low to high",
		`{"interface":"eth1","lease_seconds":5}`:                                                         "lease_seconds 5",
		`{"interface":"eth1","router":"10.9.9.9"}`:                                                       "router",
		`{"interface":"eth1","dns":["ns.example"]}`:                                                      "dns",
		`{"interface":"eth1","fixed":{"x":"192.0.2.9"}}`:                                                 "not a MAC address",
		`{"interface":"eth1","fixed":{"52:54:00:00:00:01":"10.9.9.9"}}`:                                  "not an address in",
		`{"interface":"eth1","fixed":{"52:54:00:00:00:01":"192.0.2.1"}}`:                                 "belongs to the server",
		`{"interface":"eth1","fixed":{"52:54:00:00:00:01":"192.0.2.9","52-54-00-00-00-01":"192.0.2.8"}}`: "there twice",
		`{"interface":"eth1","boot":{"url":"https://x"}}`:                                                "has no https",
		`{"interface":"eth1","boot":{"url":"http://x","tftp":"tftp.example"}}`:                           "boot.tftp",
		`{"interface":"eth1","boot":{"url":"http://x","bios":"` + strings.Repeat("x", 128) + `"}}`:       "longer than 127",
	} {
		if _, err := parse(json.RawMessage(config), onEth1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", config, err, want)
		}
	}
	if _, err := localPrefixes("no-such-interface"); err == nil {
		t.Error("an interface that there is not was found")
	}
}
