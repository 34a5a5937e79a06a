package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/testing/room"
)

// checkPeers lets Debian's own programs use what the seed serves.
func checkPeers(ctx context.Context, t *testing.T, r *room.Room) {
	t.Helper()
	image := string(machine(ctx, t, r, "pc01").Image)
	uri := "nbd://10.20.0.1/" + image
	if out := peer(ctx, t, r, "nbdinfo", uri); !strings.Contains(out, "is_read_only: true") || !strings.Contains(out, "can_multi_conn: true") {
		t.Errorf("nbdinfo says\n%s", out)
	}
	copied := filepath.Join(t.TempDir(), "root")
	peer(ctx, t, r, "nbdcopy", uri, copied)
	stored := filepath.Join(r.Dir, "seed", "images", strings.TrimPrefix(image, "sha256:"), "root.squashfs")
	if a, b := digest(t, copied), digest(t, stored); a != b {
		t.Errorf("nbdcopy copied %s, the seed has %s", a, b)
	}
	loader, err := os.ReadFile("/usr/lib/ipxe/ipxe.pxe")
	if err != nil {
		t.Fatal(err)
	}
	if got := peer(ctx, t, r, "curl", "-s", "tftp://10.20.0.1/ipxe.pxe"); !bytes.Equal([]byte(got), loader) {
		t.Errorf("curl got %d bytes of ipxe.pxe, not %d", len(got), len(loader))
	}
	checkAvahi(ctx, t, r)
}

// checkAvahi browses for what is announced with a bus and an Avahi of its own in the lab's network.
func checkAvahi(ctx context.Context, t *testing.T, r *room.Room) {
	t.Helper()
	dir := t.TempDir()
	bus := "unix:path=" + filepath.Join(dir, "bus")
	config := `<busconfig><type>system</type><listen>` + bus + `</listen><policy context="default">
		<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`
	if err := os.WriteFile(filepath.Join(dir, "bus.conf"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "avahi.conf"), []byte("[server]\nallow-interfaces=br0\n[rlimits]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const script = `
		export DBUS_SYSTEM_BUS_ADDRESS=$2
		dbus-daemon --nofork --config-file="$1/bus.conf" & bus=$!
		until [ -S "$1/bus" ]; do sleep 0.1; done
		avahi-daemon --no-drop-root --no-chroot --no-rlimits --file="$1/avahi.conf" >"$1/avahi.log" 2>&1 & avahi=$!
		trap 'kill $avahi $bus; wait' EXIT
		for i in 1 2 3 4 5 6 7 8 9 10; do
			found=$(avahi-browse --all --parsable --terminate --no-db-lookup 2>/dev/null)
			case $found in *_nbd._tcp*) case $found in *_ssh._tcp*) case $found in *_viver-boot._tcp*) break ;; esac ;; esac ;; esac
			sleep 1
		done
		echo "$found"`
	found := peer(ctx, t, r, "sh", "-c", script, "sh", dir, bus)
	for _, service := range []string{"seed;_nbd._tcp", "seed;_ssh._tcp", "seed;_viver-boot._tcp", "pc01;_ssh._tcp"} {
		if !strings.Contains(found, service) {
			t.Errorf("avahi-browse does not see %s but\n%s", service, found)
		}
	}
}

// peer runs a foreign program on the lab's host.
func peer(ctx context.Context, t *testing.T, r *room.Room, name string, args ...string) string {
	t.Helper()
	var problems bytes.Buffer
	cmd := r.Lab.Command(ctx, name, args...)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, problems.String())
	}
	return string(out)
}

func digest(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
