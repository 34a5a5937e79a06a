package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/testing/lab"
	"viver/testing/room"
)

// TestChanges fills the root of a node, whose changes lie in RAM beside its share of the image, and gives it another share.
func TestChanges(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()
	r := open(t, "e2e-changes", nil, lab.Machine{Name: "vm1", MemoryMB: 768})
	bringUp(ctx, t, r)
	var before int
	inOrder(t, []part{
		{"a full root is told of and does no harm", func(t *testing.T) { checkFull(ctx, t, r, "pc01") }},
		{"another share counts from the next boot", func(t *testing.T) {
			before = spaceFor(ctx, t, r, "pc01")
			giveLess(ctx, t, r)
			if now := spaceFor(ctx, t, r, "pc01"); now != before {
				t.Errorf("there were %d bytes for changes, and are %d before it has booted", before, now)
			}
			reboot(ctx, t, r, "pc01")
			checkMoreSpace(ctx, t, r, "pc01", before)
			on(ctx, t, r, "pc01", "grep -q 'This is pc01' /etc/motd")
		}},
	})
}

// reboot restarts a node, and waits until it has joined again.
func reboot(ctx context.Context, t *testing.T, r *room.Room, node string) {
	t.Helper()
	before := machine(ctx, t, r, node)
	on(ctx, t, r, node, "systemctl reboot")
	waitFor(ctx, t, node+" has joined again", func() bool {
		m := machine(ctx, t, r, node)
		return m.BootID != before.BootID && m.Stage() == spec.StageJoined
	})
}

// checkFull fills a node's root, which is RAM: people are told, the machine goes on, and with the file the warning goes.
func checkFull(ctx context.Context, t *testing.T, r *room.Room, node string) {
	warning := func() string { return strings.Join(machine(ctx, t, r, node).Warnings, "\n") }
	if said := on(ctx, t, r, node, "(dd if=/dev/zero of=/var/tmp/big bs=1M) 2>&1 | head -n 1"); !strings.Contains(said, "No space left") {
		t.Fatalf("there is no end to the room: %s", said)
	}
	waitFor(ctx, t, node+" warns of a full root", func() bool { return strings.Contains(warning(), "most in /var/tmp (") })
	if out, err := r.Run(ctx, "nodes"); err != nil || !strings.Contains(out, "warning: changes to the root fill") {
		t.Errorf("viver nodes says %v\n%s", err, out)
	}
	on(ctx, t, r, node, "echo 3 > /proc/sys/vm/drop_caches; cat /usr/bin/* | wc -c")
	left, err := strconv.Atoi(on(ctx, t, r, node, "awk '/^MemAvailable/ { print $2 }' /proc/meminfo"))
	t.Logf("with a full root, %d MB of RAM are left", left>>10)
	if err != nil || left < 64<<10 {
		t.Errorf("too little: %v", err)
	}
	on(ctx, t, r, node, "rm /var/tmp/big")
	waitFor(ctx, t, node+" warns no more", func() bool { return warning() == "" })
	if said := r.Serial(virtual(ctx, t, r, node).Name, 1000); !strings.Contains(said, "changes to the root fill") {
		t.Error("the console says nothing of it")
	}
	if code, out := plan(ctx, t, r); code != 0 {
		t.Errorf("a plan has, with exit code %d:\n%s", code, out)
	}
}

// spaceFor returns how many bytes may be written to a node's root.
func spaceFor(ctx context.Context, t *testing.T, r *room.Room, node string) int {
	t.Helper()
	blocks, err := strconv.Atoi(on(ctx, t, r, node, "stat --file-system --format=%b /"))
	if err != nil {
		t.Fatal(err)
	}
	return blocks * 4096
}

// giveLess lets the room's nodes give a twentieth of their memory for the shared root, from their next boot on.
func giveLess(ctx context.Context, t *testing.T, r *room.Room) {
	path := filepath.Join(r.Dir, "main.viver.hcl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "  health {\n", "  field {\n    memory = \"5%\"\n    pin { members = server.seed }\n  }\n  health {\n", 1)
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out := plan(ctx, t, r); code != 2 || !strings.Contains(out, "field; takes effect when it reboots") || !strings.Contains(out, "1 to update") {
		t.Errorf("the plan is, with exit code %d:\n%s", code, out)
	}
	if _, err := r.Run(ctx, "apply", "--auto-approve"); err != nil {
		t.Fatal(err)
	}
	if code, out := plan(ctx, t, r); code != 0 {
		t.Errorf("after it a plan has, with exit code %d:\n%s", code, out)
	}
}

// checkMoreSpace checks that a node whose share was a quarter of its memory, and is a twentieth now, has the rest of it for programs and
// for what is written.
func checkMoreSpace(ctx context.Context, t *testing.T, r *room.Room, node string, before int) {
	memory := machine(ctx, t, r, node).Facts.MemoryBytes
	for share, got := range map[int64]int{25: before, 5: spaceFor(ctx, t, r, node)} {
		if want := int(memory * (100 - share) / 200); got < want-spec.ChunkSize || got > want+spec.ChunkSize {
			t.Errorf("of %d bytes, with %d %% for the share, there are %d for changes, not %d", memory, share, got, want)
		}
	}
}
