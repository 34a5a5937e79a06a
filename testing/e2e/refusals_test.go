package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"viver/testing/lab"
	"viver/testing/room"
)

// ill is added to the room, with its steps after the others: a machine that never comes, a step that fails until it is allowed, one that waits until it may go on.
const ill = `
node "late" {
  boot    = pac.boot
  name    = "late"
  mac     = "02:00:00:00:00:01"
  timeout = "20s"
}

step "command" "allowed" {
  on  = node.pc
  run = "test -e /run/allowed || { echo 'it is not allowed yet' >&2; exit 3; }"
}

step "command" "long" {
  on         = node.pc
  run        = "touch /run/begun; until test -e /run/go-on; do sleep 0.2; done"
  depends_on = [step.command.allowed]
}
`

// TestRefusals lets a room with one machine fail in all its ways: each ends with what is wrong, where, and exit code 1, and the next
// apply goes on from there.
func TestRefusals(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	r := open(t, "e2e-ill", nil, lab.Machine{Name: "vm1", MemoryMB: 768})
	if out, err := r.Build(ctx).CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "zz.viver.hcl"), []byte(ill), 0o644); err != nil {
		t.Fatal(err)
	}
	inOrder(t, []part{
		{"port 67 is in use", func(t *testing.T) {
			held := holdPort67(t, r.Lab.Name)
			refused(ctx, t, r, "apply", "pac.boot.pac.dhcp.step.unit.dhcp", "port 67 on br0 is in use by", "Not tried, because of what failed before: node.late")
			if err := held.Close(); err != nil {
				t.Fatal(err)
			}
		}},
		{"one machine never comes, a step fails on another", func(t *testing.T) {
			if err := r.Lab.PowerOn(ctx, "vm1"); err != nil {
				t.Fatal(err)
			}
			refused(ctx, t, r, "apply",
				"node.late ("+r.Dir+"/zz.viver.hcl:2)", "02:00:00:00:00:01 did not come within 20s: is it switched on",
				"step.command.allowed[pc01] ("+r.Dir+"/zz.viver.hcl:9)", "it is not allowed yet", "Not tried, because of what failed before: step.command.long[pc01]")
			on(ctx, t, r, "pc01", "grep -q 'This is pc01' /etc/motd && touch /run/allowed")
			if _, out := plan(ctx, t, r); !strings.Contains(out, "Plan: 3 to create, 0 to update, 0 to destroy.") {
				t.Errorf("there is more left to do than what failed:\n%s", out)
			}
		}},
		{"the machine's plug is pulled during a step", func(t *testing.T) {
			apply := start(t, r, "apply")
			waitFor(ctx, t, "the long step has begun", func() bool {
				return r.Viver(ctx, "ssh", "pc01", "test -e /run/begun").Run() == nil
			})
			if out, err := r.Viver(ctx, "apply", "--auto-approve").CombinedOutput(); err == nil || !strings.Contains(string(out), "is locked by process") {
				t.Errorf("a second apply beside the first says, with %v:\n%s", err, out)
			}
			if err := r.Lab.PowerOff(ctx, "vm1"); err != nil {
				t.Fatal(err)
			}
			apply.ends(t, "step.command.long[pc01]", "the machine went away while the step was at work", "1 created")
			if _, out := plan(ctx, t, r); !strings.Contains(out, "~ step.command.long[pc01]") || !strings.Contains(out, "the last apply did not finish it") {
				t.Errorf("the plan does not say that the step was cut off:\n%s", out)
			}
		}},
		{"Ctrl-C twice while it waits", func(t *testing.T) {
			apply := start(t, r, "apply")
			waitFor(ctx, t, "apply waits for pc01", func() bool { return strings.Contains(apply.out.String(), "node.late: waits") })
			apply.interrupt(t)
			waitFor(ctx, t, "apply stops", func() bool { return strings.Contains(apply.out.String(), "Stopping: nothing new is started") })
			apply.interrupt(t)
			apply.ends(t, "canceled before it was done; the next apply takes it up again", "To go on: ")
		}},
		{"the agent of the seed is killed", func(t *testing.T) {
			pid, err := os.ReadFile(filepath.Join(r.Dir, "seed", "agent.pid"))
			if err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(ctx, "kill", "-9", strings.TrimSpace(string(pid))).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if _, out := plan(ctx, t, r); !strings.Contains(out, "server.seed") || !strings.Contains(out, "its agent does not run") {
				t.Errorf("the plan does not see it:\n%s", out)
			}
			if out, err := r.Run(ctx, "apply", "--auto-approve", "--target", "pac.boot"); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}},
		{"destroy ends it all, and again there is nothing", func(t *testing.T) {
			for _, want := range []string{"Destroy complete!", "Nothing to destroy"} {
				if out, err := r.Run(ctx, "destroy", "--auto-approve"); err != nil || !strings.Contains(out, want) {
					t.Errorf("%v\n%s", err, out)
				}
			}
		}},
	})
}

// refused runs a command of viver that must fail with exit code 1 and say all of this.
func refused(ctx context.Context, t *testing.T, r *room.Room, word string, says ...string) {
	t.Helper()
	out, err := r.Viver(ctx, word, "--auto-approve").CombinedOutput()
	checkRefused(t, string(out), err, says)
}

func checkRefused(t *testing.T, out string, err error, says []string) {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("want exit code 1, got %v", err)
	}
	for _, want := range says {
		if !strings.Contains(out, want) {
			t.Errorf("nobody said %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

// process is a command of viver that runs beside the test.
type process struct {
	cmd *exec.Cmd
	out *screen
}

// screen is what a process has printed so far.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func start(t *testing.T, r *room.Room, word string) *process {
	t.Helper()
	p := &process{cmd: r.Viver(t.Context(), word, "--auto-approve"), out: new(screen)}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// interrupt is Ctrl-C. The command is `ip netns exec`, which has become viver.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
}

// ends waits for the end, which must be a failure that says all of this.
func (p *process) ends(t *testing.T, says ...string) {
	t.Helper()
	err := p.cmd.Wait()
	checkRefused(t, p.out.String(), err, says)
}

// holdPort67 opens the DHCP server's port in the lab's network.
func holdPort67(t *testing.T, name string) net.PacketConn {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	inside, err := os.Open("/run/netns/viver-lab-" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	if err := unix.Setns(int(inside.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp4", ":67")
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		panic(back) // nothing in this process could be trusted any more
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
