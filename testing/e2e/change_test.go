package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/testing/lab"
)

// another is added to the room: from then on its image is another one.
const another = `
step "file" "issue" {
  on      = image.desk
  path    = "/etc/issue"
  content = "the second image\n"
}
`

// TestImageChange gives a room with one machine, an odd PC, another image while it runs. The PC has two network cards, of which the second
// one leads to the server, and a disk with somebody's system.
func TestImageChange(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()
	disk := usedDisk(ctx, t)
	before := digest(t, disk)
	r := open(t, "e2e-change", nil, lab.Machine{
		Name: "vm1", MemoryMB: 768, Disk: disk,
		Network: "aside", More: []lab.Card{{}},
	})
	bringUp(ctx, t, r)
	former := machine(ctx, t, r, "pc01")
	inOrder(t, []part{
		{"the second card is the one that is used", func(t *testing.T) {
			if card := r.Lab.Machines[0].More[0]; former.MAC != card.MAC {
				t.Errorf("pc01 is known as %s, its card on the server's network is %s", former.MAC, card.MAC)
			}
			if got := on(ctx, t, r, "pc01", "ip -4 -brief address show scope global | wc -l; ls -d /sys/class/net/e* | wc -l"); got != "1\n2" {
				t.Errorf("addresses and cards:\n%s", got)
			}
		}},
		{"the disk is seen and left alone", func(t *testing.T) {
			if got := on(ctx, t, r, "pc01", "ls /dev/vda*; swapon --noheadings --show; findmnt --noheadings --list --output SOURCE | grep vda || :"); got != "/dev/vda\n/dev/vda1\n/dev/vda2\n/dev/vda3" {
				t.Errorf("it is otherwise:\n%s", got)
			}
		}},
		{"the machine goes on with its former image", func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(r.Dir, "zz.viver.hcl"), []byte(another), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := r.Build(ctx).CombinedOutput(); err != nil {
				t.Fatalf("build the image: %v\n%s", err, out)
			}
			code, out := plan(ctx, t, r)
			if code != 2 || !strings.Contains(out, "~ node.pc[pc01]") || !strings.Contains(out, "takes effect when it reboots") {
				t.Errorf("the plan is, with exit code %d:\n%s", code, out)
			}
			if _, err := r.Run(ctx, "apply", "--auto-approve"); err != nil {
				t.Fatal(err)
			}
			on(ctx, t, r, "pc01", "echo 3 > /proc/sys/vm/drop_caches; cat /usr/bin/* | wc -c; ! grep -q second /etc/issue")
			if m := machine(ctx, t, r, "pc01"); m.Image != former.Image || m.BootID != former.BootID {
				t.Errorf("pc01 runs %s, since the boot %s", m.Image, m.BootID)
			}
			peer(ctx, t, r, "nbdinfo", "nbd://10.20.0.1/"+string(former.Image))
			code, out = plan(ctx, t, r)
			if code != 0 || !strings.Contains(out, "runs its former image until it reboots") {
				t.Errorf("the plan does not say so, with exit code %d:\n%s", code, out)
			}
		}},
		{"after a reboot it runs the new one", func(t *testing.T) {
			on(ctx, t, r, "pc01", "systemctl reboot")
			waitFor(ctx, t, "pc01 has joined again", func() bool {
				m := machine(ctx, t, r, "pc01")
				return m.BootID != former.BootID && m.Stage() == spec.StageJoined
			})
			on(ctx, t, r, "pc01", "grep -q second /etc/issue && grep -q 'This is pc01' /etc/motd")
			if m := machine(ctx, t, r, "pc01"); m.Image == former.Image || m.MAC != former.MAC {
				t.Errorf("pc01 is machine %s with image %s", m.MAC, m.Image)
			}
			if code, out := plan(ctx, t, r); code != 0 || strings.Contains(out, "former image") {
				t.Errorf("a plan has, with exit code %d:\n%s", code, out)
			}
		}},
		{"destroy leaves the disk as it was", func(t *testing.T) {
			if out, err := r.Run(ctx, "destroy", "--auto-approve"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			waitOff(ctx, t, &r.Lab.Machines[0])
			if after := digest(t, disk); after != before {
				t.Errorf("the disk was %s and is %s", before, after)
			}
		}},
	})
}

// usedDisk makes a disk such as a PC has: partitions with a file system that was not unmounted, a root and swap, of the types which a
// distribution would mount and use by itself (the Discoverable Partitions Specification).
func usedDisk(ctx context.Context, t *testing.T) string {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	const script = `
		truncate -s 96M "$1"
		printf 'label: gpt\nsize=32M, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\nsize=32M, type=933AC7E1-2EB4-4F13-B844-0E14E2AEF915\ntype=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F\n' | sfdisk --quiet "$1"
		for partition in 1 2; do
			mke2fs -q -t ext4 -F -E offset=$(((partition * 32 - 31) * 1048576)) "$1" 32M
		done
		debugfs -w -R 'feature needs_recovery' "$1?offset=1048576"
		truncate -s 30M "$1.swap"
		mkswap --quiet "$1.swap"
		dd if="$1.swap" of="$1" bs=1M seek=65 conv=notrunc status=none`
	tool(ctx, t, "sh", "-ec", script, "sh", disk)
	return disk
}
