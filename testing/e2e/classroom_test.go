package e2e_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
)

// TestClassroom uses examples/classroom as pupils do: they log in, write files, find them at another place, meet a new pupil, and are still
// logged in when everything is switched off.
func TestClassroom(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	c := openClassroom(ctx, t)
	c.bringUp(ctx, t)
	inOrder(t, []part{
		{"a pupil logs in with her password", func(t *testing.T) {
			if got := c.login(ctx, t, "anna", "pc01", "id -un; id -gn; pwd; findmnt -no FSTYPE --target .; umask 027; echo It is mine. >poem"); got != "anna\npupils\n/home/anna\nnfs4" {
				t.Errorf("at pc01 she is\n%s", got)
			}
		}},
		{"finds her file at another place", func(t *testing.T) {
			if got := c.login(ctx, t, "anna", "pc02", "cat poem; stat -c '%U %G %a' poem . ; echo And hers. >>poem"); got != "It is mine.\nanna pupils 640\nanna pupils 700" {
				t.Errorf("at pc02 she finds\n%s", got)
			}
			if got := c.run(ctx, t, "cat /srv/home/anna/poem; stat -c %u:%g /srv/home/anna/poem"); got != "It is mine.\nAnd hers.\n4001:2000" {
				t.Errorf("the server has\n%s", got)
			}
		}},
		{"and nobody else can", func(t *testing.T) { c.checkRefused(ctx, t) }},
		{"a plan finds nothing to do", func(t *testing.T) {
			if code, out := plan(ctx, t, c.Room); code != 0 {
				t.Errorf("exit code %d:\n%s", code, out)
			}
		}},
		{"a client needs no package of NFS", func(t *testing.T) {
			const bare = "mkdir /run/bare; mount -i -t nfs4 -o retry=0,vers=4.2,addr=10.20.0.2,hard 10.20.0.2:/srv/home /run/bare && ls /run/bare && umount -i /run/bare"
			if got := on(ctx, t, c.Room, "pc02", bare); !strings.Contains(got, "anna\nben\n") {
				t.Errorf("pc02 finds\n%s", got)
			}
		}},
		{"a node serves another one", func(t *testing.T) {
			on(ctx, t, c.Room, "pc01", "echo hello >/srv/share/file")
			if got := on(ctx, t, c.Room, "pc02", "cat /mnt/share/file; findmnt -no FSTYPE /mnt/share"); got != "hello\nnfs4" {
				t.Errorf("pc02 finds\n%s", got)
			}
		}},
		{"which stops when nobody needs it, and comes back", func(t *testing.T) { c.checkShareGoes(ctx, t) }},
		{"all is there again after a reboot", func(t *testing.T) {
			before := machine(ctx, t, c.Room, "pc02")
			on(ctx, t, c.Room, "pc02", "systemctl reboot")
			waitFor(ctx, t, "pc02 has joined again", func() bool {
				m := machine(ctx, t, c.Room, "pc02")
				return m.BootID != before.BootID && m.Stage() == spec.StageJoined
			})
			if got := c.login(ctx, t, "anna", "pc02", "cat poem /mnt/share/file"); got != "It is mine.\nAnd hers.\nhello" {
				t.Errorf("at pc02 she finds\n%s", got)
			}
		}},
		{"a new pupil logs in where nothing was started again", func(t *testing.T) { c.checkNewPupil(ctx, t) }},
		{"everything is switched off around her", func(t *testing.T) { c.checkEnd(ctx, t) }},
	})
}

// checkRefused tries what must not be possible: to log in with another password, or with none; to read what is somebody else's; to ask the directory in plain
// text, and to see its passwords and its key.
func (c *classroom) checkRefused(ctx context.Context, t *testing.T) {
	for user, word := range map[string]string{"anna": "stars", "chiyo": "", "nobody-such": "x"} {
		if out, err := c.attempt(ctx, t, user, word, "pc01", "id").CombinedOutput(); err == nil || !strings.Contains(string(out), "Permission denied") {
			t.Errorf("%s with %q at pc01: %v, %s", user, word, err, out)
		}
	}
	if out, err := c.attempt(ctx, t, "ben", c.words["ben"], "pc01", "cat /home/anna/poem").CombinedOutput(); err == nil || !strings.Contains(string(out), "Permission denied") {
		t.Errorf("ben reads anna's poem: %v, %s", err, out)
	}
	on(ctx, t, c.Room, "pc01", "! cat /home/anna/poem") // root of a PC is nobody on the server
	if got := c.run(ctx, t, "ss -Hltn 'sport = :389'; stat -c '%a %U' /etc/ldap/viver/key.pem"); got != "600 openldap" {
		t.Errorf("the server listens at the plain port, or its key can be read: %s", got)
	}
	const ask = "ldapsearch -x -LLL -H ldaps://10.20.0.2 -b dc=classroom,dc=internal uid=anna"
	if got := c.run(ctx, t, "LDAPTLS_CACERT=/etc/ldap/viver/certificate.pem "+ask); !strings.Contains(got, "uidNumber: 4001") || strings.Contains(got, "userPassword") {
		t.Errorf("whoever asks the directory gets\n%s", got)
	}
	if got := c.run(ctx, t, "! LDAPTLS_CACERT=/dev/null "+ask+" 2>&1"); !strings.Contains(got, "Can't contact LDAP server") {
		t.Errorf("a server with an unknown certificate is believed:\n%s", got)
	}
}

// checkShareGoes takes the node's file server away: its client unmounts first, and nothing is left but the file.
func (c *classroom) checkShareGoes(ctx context.Context, t *testing.T) {
	out, err := c.Run(ctx, "destroy", "--auto-approve", "--target", "pac.share")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?s)step\.mount\.folder\S+: destroyed.*step\.service\.server: destroying`).MatchString(out) {
		t.Errorf("the server did not wait for its client:\n%s", out)
	}
	if got := on(ctx, t, c.Room, "pc02", "findmnt /mnt/share; ls -d /mnt/share 2>&1 || :"); !strings.Contains(got, "No such file") {
		t.Errorf("pc02 has still\n%s", got)
	}
	if got := on(ctx, t, c.Room, "pc01", "systemctl is-active nfs-server; test ! -e /etc/exports.d && cat /srv/share/file"); got != "inactive\nhello" {
		t.Errorf("pc01 is otherwise:\n%s", got)
	}
	if _, err := c.Run(ctx, "apply", "--auto-approve"); err != nil {
		t.Fatal(err)
	}
	on(ctx, t, c.Room, "pc02", "grep -q hello /mnt/share/file")
}

// checkNewPupil adds one to the list, and another one by hand to the directory.
func (c *classroom) checkNewPupil(ctx context.Context, t *testing.T) {
	before := machine(ctx, t, c.Room, "pc02")
	write(t, filepath.Join(c.Dir, "users.csv"), read(t, c.Dir, "users.csv")+"gita,4007,pupils,Gita Rao\n")
	c.words["gita"] = "namaste"
	c.setPasswords(ctx, t)
	out, err := c.Run(ctx, "apply", "--auto-approve")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "[pc02]: ") || !strings.Contains(out, "user[gita]: created") || strings.Contains(out, "password[anna]: ") {
		t.Errorf("more was done than for a new pupil:\n%s", out)
	}
	if got := c.login(ctx, t, "gita", "pc02", "getent passwd gita; touch here; ls"); got != "gita:*:4007:2000:Gita Rao:/home/gita:/bin/bash\nhere" {
		t.Errorf("at pc02 she is\n%s", got)
	}
	hash := c.run(ctx, t, "slappasswd -s byhand")
	c.run(ctx, t, fmt.Sprintf(`ldapadd -Q -Y EXTERNAL -H ldapi:/// <<'LDIF' && install -d -m 700 -o 4099 -g 2000 /srv/home/guest
dn: uid=guest,ou=people,dc=classroom,dc=internal
objectClass: account
objectClass: posixAccount
uid: guest
cn: Guest
uidNumber: 4099
gidNumber: 2000
homeDirectory: /home/guest
loginShell: /bin/sh
userPassword: %s
LDIF`, hash))
	c.words["guest"] = "byhand"
	if got := c.login(ctx, t, "guest", "pc02", "id -un; pwd"); got != "guest\n/home/guest" {
		t.Errorf("at pc02 the guest is\n%s", got)
	}
	if m := machine(ctx, t, c.Room, "pc02"); m.BootID != before.BootID {
		t.Error("pc02 has started again")
	}
}

// checkEnd pulls the plug of pc01, which serves pc02, and destroys everything while anna works at pc02 in both of her folders.
func (c *classroom) checkEnd(ctx context.Context, t *testing.T) {
	work := c.attempt(ctx, t, "anna", c.words["anna"], "pc02", "cat /mnt/share/file; cd /mnt/share; sleep 1000 & cd; exec sleep 1000")
	if err := work.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, "anna works", func() bool {
		out, err := c.Viver(ctx, "ssh", "pc02", "pgrep -c -u anna sleep").Output()
		return err == nil && strings.TrimSpace(string(out)) == "2"
	})
	if err := c.Lab.PowerOff(ctx, "vm1"); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	out, err := c.Run(ctx, "destroy", "--auto-approve")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("destroy took %s:\n%s", time.Since(begin).Round(time.Second), out)
	if took := time.Since(begin); took > 4*time.Minute {
		t.Errorf("it took %s", took)
	}
	_ = work.Wait() // its connection broke
	waitOff(ctx, t, &c.Lab.Machines[2])
	c.checkLeft(ctx, t)
}

// checkLeft looks at the server: the files of those who wrote some are there, Debian's services are as they were, and nothing else is left.
func (c *classroom) checkLeft(ctx context.Context, t *testing.T) {
	if got := c.run(ctx, t, "cat /srv/home/anna/poem; ls /srv/home"); got != "It is mine.\nAnd hers.\nanna\ngita\nguest" {
		t.Errorf("of the homes there is\n%s", got)
	}
	const left = "ls -d /var/lib/viver /etc/systemd/system/viver* /etc/exports.d/* /etc/ldap/viver; pgrep -a viver; exportfs; ss -Hltn 'sport = :636'"
	if got := c.run(ctx, t, "("+left+") 2>/dev/null || :"); got != "" {
		t.Errorf("there is still\n%s", got)
	}
	if got := c.run(ctx, t, "systemctl is-active slapd nfs-server || :; ss -Hltn 'sport = :389' | wc -l; grep -c viver /etc/default/slapd || :"); got != "inactive\ninactive\n0\n0" {
		t.Errorf("Debian's own services are otherwise:\n%s", got)
	}
}
