package main

import "testing"

func TestPick(t *testing.T) {
	for _, tc := range []struct {
		args []string
		pid  int
		want string
	}{
		{[]string{"/init"}, 1, "init"},
		{[]string{"/init", "single"}, 1, "init"},
		{[]string{"/shutdown", "poweroff", "--timeout=90000000us"}, 1, "shutdown"},
		{[]string{"@viver-supervisor"}, 100, "supervisor"},
		{[]string{"@viver-disk"}, 101, "disk"},
		{[]string{"@viver-agent"}, 102, "node"},
		{[]string{"viver-node", "agent", "--dir", "/var/lib/viver"}, 500, "agent"},
		{[]string{"/usr/bin/viver-node", "unit"}, 501, "unit"},
		{[]string{"viver-node"}, 502, ""},
		{[]string{"/init", "unit"}, 503, "unit"}, // of a node's agent, whose program is /init
		{[]string{"shutdown", "poweroff"}, 504, "poweroff"},
		{nil, 505, ""},
	} {
		if got := pick(tc.args, tc.pid); got != tc.want {
			t.Errorf("%v as process %d is %q, want %q", tc.args, tc.pid, got, tc.want)
		}
	}
}
