package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/field"
	"viver/testing/lab"
	"viver/testing/room"
)

// seedless is a room that loses its seed. Its last machine is switched on after that.
type seedless struct {
	*room.Room
	late *lab.Machine
	all  string // SHA-256 of all files of the root
}

// TestField takes the seed from a room of four machines that share its root, and then one machine after another.
func TestField(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	machines := []lab.Machine{
		{Name: "vm1", MAC: "52:54:00:1a:7e:10"},
		{Name: "vm2", MAC: "52:54:00:1a:7e:11"},
		{Name: "vm3", Firmware: lab.UEFI},
		{Name: "vm4"},
		{Name: "late", MAC: "52:54:00:1a:7e:01"},
	}
	for i := range machines {
		machines[i].MemoryMB = 704
	}
	r := openConfig(t, "testdata/field", "e2e-field", nil, machines...)
	s := &seedless{Room: r, late: &r.Lab.Machines[4]}
	inOrder(t, []part{
		{"four machines boot", with(ctx, s.begin)},
		{"they hold the root for one another", with(ctx, s.covered)},
		{"the late machine gets its kernel", with(ctx, s.fetchBoot)},
		{"the seed is killed", with(ctx, s.killSeed)},
		{"files that nobody has read can be read", with(ctx, s.readAll)},
		{"another machine joins by its kernel alone", with(ctx, s.joinLate)},
		{"a machine loses its power", with(ctx, s.kill)},
		{"the process that serves a root is killed", with(ctx, s.killDisk)},
		{"a machine leaves", with(ctx, s.leave)},
		{"the last ones hold on", with(ctx, s.last)},
	})
}

// begin applies. The late machine does not come: apply says so, and does all else.
func (s *seedless) begin(ctx context.Context, t *testing.T) {
	if out, err := s.Build(ctx).CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v\n%s", err, out)
	}
	applied := make(chan error, 1)
	var out strings.Builder
	go func() {
		apply := s.Viver(ctx, "apply", "--auto-approve")
		apply.Stdout, apply.Stderr = &out, &out
		applied <- apply.Run()
	}()
	if err := s.WaitServed(ctx); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Lab.Machines[:4] {
		if err := s.Lab.PowerOn(ctx, m.Name); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-applied; err == nil || !strings.Contains(out.String(), "within 5s") || strings.Contains(out.String(), "pc04: ") {
		t.Fatalf("apply ended with %v:\n%s", err, out.String())
	}
	s.all = s.read(ctx, t, "pc01", "/usr/share")
}

// read returns the digest of all files below a folder of a node's root.
func (s *seedless) read(ctx context.Context, t *testing.T, node, folder string) string {
	t.Helper()
	return on(ctx, t, s.Room, node, reading(folder))
}

// reading is a command that reads all files below a folder, none of which is in memory, and prints their digest.
func reading(folder string) string {
	return "echo 3 > /proc/sys/vm/drop_caches; find " + folder + " -xdev -type f | LC_ALL=C sort | xargs -d '\\n' cat | sha256sum"
}

// status is what one node says.
type status struct {
	Node   string        `json:"node"`
	Status *field.Status `json:"status"`
}

// statuses asks all nodes.
func (s *seedless) statuses(ctx context.Context, t *testing.T) map[string]*field.Status {
	t.Helper()
	out, _ := s.Viver(ctx, "field", "status", "--json").Output() // some may be dead
	var answer struct{ Nodes []status }
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&answer); err != nil { // an error may follow
		t.Fatalf("viver field status --json: %v\n%s", err, out)
	}
	all := map[string]*field.Status{}
	for _, n := range answer.Nodes {
		if n.Status != nil {
			all[n.Node] = n.Status
		}
	}
	return all
}

// covered waits until these nodes, or all four, see each chunk on as many machines as there are to be.
func (s *seedless) covered(ctx context.Context, t *testing.T) {
	s.cover(ctx, t, "pc01", "pc02", "pc03", "pc04")
}

func (s *seedless) cover(ctx context.Context, t *testing.T, nodes ...string) {
	t.Helper()
	began := time.Now()
	waitFor(ctx, t, "the root is held well", func() bool {
		all := s.statuses(ctx, t)
		for _, n := range nodes {
			if all[n] == nil || !all[n].SeedMayGo {
				return false
			}
		}
		return true
	})
	t.Logf("the root was held well after %s", time.Since(began).Round(time.Second))
}

// fetchBoot fetches what the late machine boots from, as its firmware would.
func (s *seedless) fetchBoot(ctx context.Context, t *testing.T) {
	get := func(path string) []byte {
		return []byte(peer(ctx, t, s.Room, "curl", "-sf", path))
	}
	script := string(get("http://10.20.0.1/node.ipxe"))
	part := regexp.MustCompile(`(?m)^kernel --name vmlinuz (\S+)\?\S+ (.*) \|\| exit 1\ninitrd --name initrd (\S+) .*\ninitrd --name bundle (\S+) `).FindStringSubmatch(script)
	if part == nil {
		t.Fatalf("the script is\n%s", script)
	}
	dir, err := os.MkdirTemp(s.Dir, "late")
	if err != nil {
		t.Fatal(err)
	}
	s.late.Kernel, s.late.Initrd = filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd")
	s.late.Append = strings.NewReplacer("initrd=initrd ", "", "initrd=bundle ", "", "${netX/mac}", s.late.MAC).Replace(part[2])
	for file, data := range map[string][]byte{s.late.Kernel: get(part[1]), s.late.Initrd: append(get(part[3]), get(part[4])...)} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// killSeed ends everything that the seed runs, without telling anybody.
func (s *seedless) killSeed(ctx context.Context, t *testing.T) {
	pid, err := os.ReadFile(filepath.Join(s.Dir, "seed", "agent.pid"))
	if err != nil {
		t.Fatal(err)
	}
	kill := fmt.Sprintf("kill -STOP %[1]s; pkill -9 -P %[1]s; kill -9 %[1]s", strings.TrimSpace(string(pid)))
	if out, err := s.Lab.Command(ctx, "sh", "-c", kill).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	waitFor(ctx, t, "nothing of the seed listens", func() bool {
		left, err := s.Lab.Command(ctx, "ss", "-Hlntu").Output()
		return err == nil && len(left) == 0
	})
}

// readAll has all machines read the whole root at once: most of it for the first time.
func (s *seedless) readAll(ctx context.Context, t *testing.T) {
	var readers errgroup.Group
	for _, node := range []string{"pc01", "pc02", "pc03", "pc04"} {
		readers.Go(func() error {
			out, err := s.Viver(ctx, "ssh", node, reading("/usr/share")).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err == nil && got != s.all {
				err = fmt.Errorf("%s has read %s, and before the seed's death it was %s", node, got, s.all)
			}
			return err
		})
	}
	if err := readers.Wait(); err != nil {
		t.Error(err)
	}
	if out := on(ctx, t, s.Room, "pc03", "find / -xdev -type f -exec cat {} + | wc -c"); len(out) < len("100000000") {
		t.Errorf("the whole root has %s bytes", out)
	}
}

// joinLate starts the machine that nobody has seen before. A deputy lets it in.
func (s *seedless) joinLate(ctx context.Context, t *testing.T) {
	// No DHCP server is there any more either. The operator's computer finds machines without one as these find each other.
	peer(ctx, t, s.Room, "ip", "route", "add", "169.254.0.0/16", "dev", lab.Bridge)
	if err := s.Lab.PowerOn(ctx, s.late.Name); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, "the late machine has joined", func() bool {
		return strings.Contains(s.Serial("late", 200), "late login:")
	})
	waitFor(ctx, t, "the late machine is a member", func() bool {
		for _, m := range s.statuses(ctx, t)["pc01"].Members {
			if m.Name == "late" {
				return true
			}
		}
		return false
	})
	if got := on(ctx, t, s.Room, "late", "hostname; cat /usr/lib/os-release | grep ^ID="); got != "late\nID=debian" {
		t.Errorf("the late machine is %q", got)
	}
}

// kill pulls a machine's plug.
func (s *seedless) kill(ctx context.Context, t *testing.T) {
	if err := s.Lab.PowerOff(ctx, s.vm(ctx, t, "pc03").Name); err != nil {
		t.Fatal(err)
	}
	if d := s.read(ctx, t, "pc04", "/usr/share"); d != s.all {
		t.Errorf("pc04 has read %s, and not %s", d, s.all)
	}
	s.cover(ctx, t, "pc01", "pc02", "pc04")
}

// vm returns the lab's machine with a node's name, by its console.
func (s *seedless) vm(ctx context.Context, t *testing.T, node string) *lab.Machine {
	t.Helper()
	for i := range s.Lab.Machines {
		if strings.Contains(s.Serial(s.Lab.Machines[i].Name, 500), node+" login:") {
			return &s.Lab.Machines[i]
		}
	}
	t.Fatalf("no machine's console is that of %s", node)
	return nil
}

// killDisk ends the process that a root comes from, while it is read: with no seed, all must come from the others.
func (s *seedless) killDisk(ctx context.Context, t *testing.T) {
	on(ctx, t, s.Room, "pc04", `(sleep 1; pkill -9 -f '^@viver-disk') >/dev/null 2>&1 </dev/null &`)
	if d := s.read(ctx, t, "pc04", "/usr/share"); d != s.all {
		t.Errorf("pc04 has read %s, and not %s", d, s.all)
	}
	s.cover(ctx, t, "pc01", "pc02", "pc04")
}

// leave has a machine go in order: what it holds is taken by the others before.
func (s *seedless) leave(ctx context.Context, t *testing.T) {
	vm := s.vm(ctx, t, "pc04")
	on(ctx, t, s.Room, "pc04", "systemctl poweroff")
	waitOff(ctx, t, vm)
	s.cover(ctx, t, "pc01", "pc02")
	if d := s.read(ctx, t, "pc02", "/usr/share"); d != s.all {
		t.Errorf("pc02 has read %s, and not %s", d, s.all)
	}
}

// last sees that destroying goes on without the seed as far as it can, and says what it cannot do.
func (s *seedless) last(ctx context.Context, t *testing.T) {
	out, err := s.Viver(ctx, "nodes").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "pc01") || !strings.Contains(string(out), "what is known of their machines is from") {
		t.Errorf("viver nodes ends with %v:\n%s", err, out)
	}
}
