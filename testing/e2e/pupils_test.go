package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"viver/testing/lab"
)

// more is added to the classroom: a node that serves others, from its RAM; somebody whom only the PCs know; and what the server's disk has, since the lab has no way to packages. The server's
// disk is made of the nodes' image, so that there is only one to build.
const more = `
pac "share" {
  source  = "builtin/nfs"
  server  = node.pc["pc01"]
  clients = [node.pc["pc02"]]
  network = network.room
  image   = image.desk
  exports = { "/srv/share" = "/mnt/share" }
}

pac "carers" {
  source    = "builtin/users"
  machines  = values(node.pc)
  users     = { carer = { uid = 1900, groups = ["tools"], home = "/var/lib/carer" } }
  groups    = { tools = 1901 }
  passwords = { carer = "$6$carer$.fgpjxX5evqYf1RC9tQlZSARA.PIEC6OrkprvMMejMhPQu6Bh1G5WXn5BVY5XL1GCsReGuGUK6.6.dUS0Xbbc1" }
}

step "package" "server" {
  on    = image.desk
  names = ["ldap-utils", "openssl", "slapd"]
}

step "service" "slapd" {
  on         = image.desk
  name       = "slapd"
  enabled    = false
  depends_on = [step.package.server]
}
`

// classroom is the example with two PCs and a server with a disk.
type classroom struct {
	*hall
	words map[string]string // passwords, by user
}

// openClassroom makes the room, with all machines off.
func openClassroom(ctx context.Context, t *testing.T) *classroom {
	t.Helper()
	r := openConfig(t, "../../examples/classroom", "e2e-class", map[string]string{
		"interface": "eth0", "data_dir": "/var/lib/viver", "address": "10.20.0.2", "nodes": "2",
	}, lab.Machine{Name: "server", MemoryMB: 768}, lab.Machine{Name: "vm1", MemoryMB: 768}, lab.Machine{Name: "vm2", MemoryMB: 768})
	c := &classroom{&hall{Room: r, vm: &r.Lab.Machines[0], cache: cacheDir(t)}, map[string]string{"anna": "stars & stripes", "ben": "it's me"}}
	pcs := "name,mac,row\n"
	for i, m := range r.Lab.Machines[1:] {
		pcs += fmt.Sprintf("pc%02d,%s,1\n", i+1, m.MAC)
	}
	write(t, filepath.Join(c.Dir, "pcs.csv"), pcs)
	write(t, filepath.Join(c.Dir, "more.viver.hcl"), more)
	c.System = install(ctx, t, c.vm, c.desk(ctx, t), "10.20.0.2")
	write(t, filepath.Join(c.Dir, "server.auto.viver.vars"), fmt.Sprintf("login = { identity_file = %q, host_key = %q }\n", c.Key, c.HostKey))
	write(t, filepath.Join(c.Dir, ".ssh/known_hosts"), "10.20.0.2 "+c.HostKey+"\n")
	c.setPasswords(ctx, t)
	return c
}

// desk builds the image and returns its folder.
func (c *classroom) desk(ctx context.Context, t *testing.T) string {
	t.Helper()
	if out, err := c.Build(ctx).CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v\n%s", err, out)
	}
	var remembered []struct {
		Computed map[string]struct{ Value any }
	}
	out, err := c.Viver(ctx, "state", "show", "--json", "image.desk").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &remembered); err != nil || len(remembered) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(c.cache, "images", strings.TrimPrefix(fmt.Sprint(remembered[0].Computed["id"].Value), "sha256:"))
}

// setPasswords writes the file that a teacher keeps to himself.
func (c *classroom) setPasswords(ctx context.Context, t *testing.T) {
	t.Helper()
	text := "passwords = {\n"
	for name, word := range c.words {
		cmd := exec.CommandContext(ctx, "openssl", "passwd", "-6", "-salt", name, "-stdin") // the same each time
		cmd.Stdin = strings.NewReader(word)
		hash, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("  %s = %q\n", name, strings.TrimSpace(string(hash)))
	}
	write(t, filepath.Join(c.Dir, "secrets.auto.viver.vars"), text+"}\n")
}

// bringUp applies the configuration, with all machines switched on.
func (c *classroom) bringUp(ctx context.Context, t *testing.T) {
	t.Helper()
	c.on(ctx, t)
	apply := c.start(ctx, t, "")
	waitFor(ctx, t, "PCs can boot", func() bool {
		return strings.Contains(apply.out.String(), "step.unit.dhcp: created") || strings.Contains(apply.out.String(), "Error:")
	})
	for _, name := range []string{"vm1", "vm2"} {
		if err := c.Lab.PowerOn(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := apply.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, apply.out)
	}
}

// login logs in at a PC with OpenSSH and a password, runs a command, and returns what it printed.
func (c *classroom) login(ctx context.Context, t *testing.T, user, node, command string) string {
	t.Helper()
	out, err := c.attempt(ctx, t, user, c.words[user], node, command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s at %s: %s: %v\n%s", user, node, command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// attempt is somebody who says that he is this user, with this password.
func (c *classroom) attempt(ctx context.Context, t *testing.T, user, word, node, command string) *exec.Cmd {
	t.Helper()
	ask := filepath.Join(c.Dir, "askpass")
	if err := os.WriteFile(ask, []byte("#!/bin/sh\nprintf '%s\\n' \"$WORD\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	address := machine(ctx, t, c.Room, node).Address
	cmd := c.Lab.Command(ctx, "ssh", "-F", "none", "-o", "LogLevel=ERROR", "-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=30", user+"@"+address, command)
	cmd.Env = append(os.Environ(), "WORD="+word, "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "SSH_AUTH_SOCK=")
	return cmd
}
