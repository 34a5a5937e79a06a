package lang_test

import (
	"testing"

	"viver/planner/lang"
)

// TestRenamed follows moves that follow each other, in the root module and in a Pac with several instances.
func TestRenamed(t *testing.T) {
	folder(t, `
server "seed" { address = "10.0.0.1" }
pac "x" {
  count  = 2
  source = "./boot"
  server = server.seed
  image  = server.seed
}
moved {
  from = node.a
  to   = node.b
}
moved {
  from = node.b
  to   = node.c["k"]
}
moved {
  from = pac.y
  to   = pac.x[1]
}
removed {
  from = node.d
  lifecycle { destroy = false }
}
`)
	write(t, "boot/moved.viver.hcl", `
moved {
  from = server.old
  to   = server.new
}
removed {
  from = server.gone
  lifecycle { destroy = true }
}
`)
	c, diags := lang.Load(".", lang.LoadOptions{Schemas: schemas()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for address, want := range map[string]string{
		"node.a":                     `node.c["k"]`,
		"node.a[1]":                  "node.b[1]",
		"node.c":                     "node.c",
		"pac.x[0].server.old":        "pac.x[0].server.new",
		"pac.x[1].pac.in.server.old": "pac.x[1].pac.in.server.old",
		"pac.y.server.old":           "pac.x[1].server.new",
		"server.old":                 "server.old",
		"no address":                 "no address",
	} {
		if got, moved := c.Renamed(address); got != want || moved != (got != address) {
			t.Errorf("%s -> %s, %v; want %s", address, got, moved, want)
		}
	}
	for address, want := range map[string]string{"node.d[3]": "node.d", "pac.x[1].server.gone": "pac.x.server.gone", "server.gone": "", "?": ""} {
		got := ""
		for _, r := range c.Removed() {
			if r.Covers(address) {
				got = r.From
			}
		}
		if got != want {
			t.Errorf("%s is covered by %q, want %q", address, got, want)
		}
	}
}
