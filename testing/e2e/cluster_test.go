package e2e_test

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/testing/lab"
	"viver/testing/room"
)

// cluster is a room that applies examples/cluster, with two nodes, and the source of a C project beside the example's programs.
type cluster struct {
	*room.Room
	digest string // of what the program for MPI has computed
}

// TestCluster uses each service of a cluster as a researcher would: over all nodes, as a user who is not root.
func TestCluster(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
	defer cancel()
	r := openConfig(t, clusterConfig(t), "e2e-cluster", nil, lab.Machine{Name: "vm1", CPUs: 2, MemoryMB: 768}, lab.Machine{Name: "vm2", CPUs: 2, MemoryMB: 768})
	c := &cluster{Room: r}
	c.Image = "image.compute"
	bringUp(ctx, t, c.Room)
	inOrder(t, []part{
		{"a plan finds nothing to do", with(ctx, c.unchanged)},
		{"every node knows every other by its name", with(ctx, c.names)},
		{"the user goes from any node to any other, and nobody else does", with(ctx, c.ssh)},
		{"no image and no state has a key", with(ctx, c.secrets)},
		{"MPI: all nodes together compute what one process does", with(ctx, c.heat)},
		{"MPI: messages go between all nodes", with(ctx, c.pingpong)},
		{"PVM: the nodes are one machine", with(ctx, c.pi)},
		{"distcc: a C project compiles over all nodes", with(ctx, c.compile)},
		{"a node that boots again is a member again, by itself", with(ctx, c.reboot)},
		{"destroy powers off and leaves nothing", with(ctx, c.destroy)},
	})
}

// clusterConfig is the example together with the project.
func clusterConfig(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "config")
	for _, part := range []string{"../../examples/cluster", "testdata/cluster"} {
		if err := os.CopyFS(dir, os.DirFS(part)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (c *cluster) nodes() []string { return []string{"pc01", "pc02"} }

// as runs a command as the cluster's user.
func (c *cluster) as(ctx context.Context, t *testing.T, node, command string) string {
	t.Helper()
	return on(ctx, t, c.Room, node, c.login(command))
}

func (c *cluster) login(command string) string {
	return "su - cluster -c '" + strings.ReplaceAll(command, "'", `'\''`) + "'"
}

// refused runs a command as root that must fail, and returns what it printed.
func (c *cluster) refused(ctx context.Context, t *testing.T, node, command string) string {
	t.Helper()
	out, err := c.Viver(ctx, "ssh", node, command).CombinedOutput()
	if err == nil {
		t.Errorf("%s: %s succeeds:\n%s", node, command, out)
	}
	return string(out)
}

func (c *cluster) unchanged(ctx context.Context, t *testing.T) {
	if code, out := plan(ctx, t, c.Room); code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

func (c *cluster) names(ctx context.Context, t *testing.T) {
	for _, node := range c.nodes() {
		for _, other := range c.nodes() {
			want := machine(ctx, t, c.Room, other).Address
			if got := on(ctx, t, c.Room, node, "getent ahostsv4 "+other+" | head -n 1 | cut -d ' ' -f 1"); got != want {
				t.Errorf("on %s, %s is %q, want %s", node, other, got, want)
			}
		}
	}
	want := machine(ctx, t, c.Room, "pc02").Address
	if got := on(ctx, t, c.Room, "pc01", "getent hosts pc02.local"); !strings.Contains(got, want) {
		t.Errorf("by mDNS, pc02 is %q, want %s", got, want)
	}
}

const others = "for n in pc01 pc02; do [ $n = $(hostname) ] || ssh $n hostname; done"

func (c *cluster) ssh(ctx context.Context, t *testing.T) {
	for node, want := range map[string]string{"pc01": "pc02", "pc02": "pc01"} {
		if got := c.as(ctx, t, node, others); got != want {
			t.Errorf("%s reaches:\n%s", node, got)
		}
	}
	if out := c.refused(ctx, t, "pc01", "ssh -o BatchMode=yes cluster@pc02 true"); !strings.Contains(out, "Permission denied") {
		t.Errorf("root goes to the user's account: %s", out)
	}
	if out := c.refused(ctx, t, "pc01", c.login("ssh -o HostKeyAlias=stranger pc02 true")); !strings.Contains(out, "Host key verification failed") {
		t.Errorf("a node with an unknown key is not refused: %s", out)
	}
}

// secrets looks for private keys where none may be: in the root that everybody can read, and in what the operator keeps.
func (c *cluster) secrets(ctx context.Context, t *testing.T) {
	key, err := os.ReadFile(filepath.Join(c.Dir, "seed/ssh-keys/cluster/user"))
	if err != nil {
		t.Fatal(err)
	}
	roots, err := filepath.Glob(filepath.Join(c.Dir, "seed/images/*/root.squashfs"))
	if err != nil || len(roots) == 0 {
		t.Fatalf("the seed has no image: %v", err)
	}
	for _, root := range roots {
		listing, err := exec.CommandContext(ctx, "unsquashfs", "-l", root).Output()
		if found := regexp.MustCompile(`.*/etc/ssh/(viver|ssh_host_.*_key).*`).FindAll(listing, -1); err != nil || found != nil {
			t.Errorf("the image has %q, %v", found, err)
		}
	}
	body := strings.Split(string(key), "\n")[1]
	state := os.DirFS(filepath.Join(c.Dir, ".viver"))
	err = fs.WalkDir(state, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if data, err := fs.ReadFile(state, name); err != nil || strings.Contains(string(data), body) {
			t.Errorf("%s has the user's key, or cannot be read: %v", name, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

var heatFigures = regexp.MustCompile(`(\d+) processes on (\d+) nodes\nseconds (\S+)\nerror (\S+)\ndigest (\S+)`)

func (c *cluster) heat(ctx context.Context, t *testing.T) {
	alone := c.as(ctx, t, "pc01", "mpirun -np 1 heat 48 40")
	together := c.as(ctx, t, "pc01", "mpirun heat 48 40")
	t.Logf("%s\n%s", alone, together)
	one, all := heatFigures.FindStringSubmatch(alone), heatFigures.FindStringSubmatch(together)
	if one == nil || all == nil {
		t.Fatal("no figures")
	}
	if one[1] != "1" || one[2] != "1" || all[1] != "4" || all[2] != "2" {
		t.Errorf("%s processes on %s nodes, then %s on %s", one[1], one[2], all[1], all[2])
	}
	if one[5] != all[5] {
		t.Error("the results differ")
	}
	c.digest = all[5]
}

var game = regexp.MustCompile(`pc01 - pc02: latency (\S+) ms, bandwidth (\S+) MB/s`)

func (c *cluster) pingpong(ctx context.Context, t *testing.T) {
	out := c.as(ctx, t, "pc01", "mpirun --map-by ppr:1:node pingpong")
	t.Log(out)
	figures := game.FindStringSubmatch(out)
	if figures == nil {
		t.Fatal("no figures")
	}
	latency, _ := strconv.ParseFloat(figures[1], 64)
	bandwidth, _ := strconv.ParseFloat(figures[2], 64)
	if latency <= 0 || latency > 1000 || bandwidth <= 0 {
		t.Error("the figures cannot be true")
	}
}

func (c *cluster) pi(ctx context.Context, t *testing.T) {
	// Hosts are added while the console is there already; halt ends the console too.
	out := c.as(ctx, t, "pc02", `
		echo quit | pvm /etc/pvm.hosts
		for i in $(seq 60); do echo conf | pvm | grep -F "2 hosts" && break; sleep 1; done
		pi 3000000
		echo halt | pvm || :`)
	t.Log(out)
	for _, want := range []string{"2 hosts", "pc01 has added up 1.570796", "pc02 has added up 1.570796", "pi is 3.14159265359"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// compile compiles the same tree twice in the same place, so that the objects can be compared byte by byte. Without fallback a file that no
// node could compile is an error.
func (c *cluster) compile(ctx context.Context, t *testing.T) {
	c.as(ctx, t, "pc02", "cp -r /usr/local/src/lua-5.4.4/src lua")
	build := func(compiler string) string {
		return c.as(ctx, t, "pc02", `cd lua && make -s clean && export DISTCC_FALLBACK=0 &&
			{ make -s -j4 linux CC="`+compiler+` -std=gnu99" >log 2>&1 || { cat log; exit 1; }; } && sha256sum *.o && ./lua -e "print(6*7)"`)
	}
	if local, far := build("gcc"), build("distcc gcc"); far != local || !strings.Contains(far, "  lvm.o\n") || !strings.HasSuffix(far, "\n42") {
		t.Errorf("compiled on one node:\n%s\nand over all of them:\n%s", local, far)
	}
	for _, node := range c.nodes() {
		count := on(ctx, t, c.Room, node, "grep -c COMPILE_OK /var/log/distccd.log || cat /var/log/distccd.log")
		t.Logf("%s has compiled %s files", node, count)
		if n, err := strconv.Atoi(count); err != nil || n == 0 {
			t.Errorf("%s has compiled nothing", node)
		}
	}
}

func (c *cluster) reboot(ctx context.Context, t *testing.T) {
	before := machine(ctx, t, c.Room, "pc02")
	on(ctx, t, c.Room, "pc02", "systemctl reboot")
	waitFor(ctx, t, "pc02 has joined again", func() bool {
		m := machine(ctx, t, c.Room, "pc02")
		return m.BootID != before.BootID && m.Stage() == spec.StageJoined
	})
	if got := c.as(ctx, t, "pc01", others); got != "pc02" {
		t.Errorf("pc01 reaches:\n%s", got)
	}
	if got := c.as(ctx, t, "pc02", "mpirun heat 48 40"); !strings.Contains(got, "on 2 nodes") || !strings.Contains(got, c.digest) {
		t.Errorf("mpirun on pc02: %s", got)
	}
	on(ctx, t, c.Room, "pc02", `kill -0 "$(cat /run/distccd.pid)"`)
	c.unchanged(ctx, t)
}

func (c *cluster) destroy(ctx context.Context, t *testing.T) {
	if out, err := c.Run(ctx, "destroy", "--auto-approve"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i := range c.Lab.Machines {
		waitOff(ctx, t, &c.Lab.Machines[i])
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "seed")); err == nil {
		t.Error("the seed's folder is still there")
	}
}
