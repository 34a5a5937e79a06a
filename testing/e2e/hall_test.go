package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/build"
	"viver/nodeimage/imagestore"
	"viver/testing/installed"
	"viver/testing/lab"
	"viver/testing/room"
)

// hall is a room whose server is a machine of its own, beside the operator's, which is the lab's host.
type hall struct {
	*room.Room
	*installed.System
	vm    *lab.Machine
	cache string
}

// TestServerBySSH gives a room another machine as its server: Debian with systemd and OpenSSH. All ways in which that can fail are tried first.
func TestServerBySSH(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()
	r := openConfig(t, "testdata/hall", "e2e-hall", map[string]string{"interface": "eth0", "data_dir": "/var/lib/viver", "nodes": "1"},
		lab.Machine{Name: "hall", MemoryMB: 768}, lab.Machine{Name: "vm1", MemoryMB: 768})
	h := &hall{Room: r, vm: &r.Lab.Machines[0], cache: cacheDir(t)}
	h.System = install(ctx, t, h.vm, deskImage(ctx, t, h.cache), "10.20.0.2")
	known := func() string { return h.login("root", h.Key, "") }
	inOrder(t, []part{
		{"it is being switched on, and is another one than was expected", func(t *testing.T) {
			if err := r.Lab.PowerOn(ctx, h.vm.Name); err != nil {
				t.Fatal(err)
			}
			h.refused(ctx, t, h.login("root", h.Key, h.WrongKey), "server.hall", "it has another host key")
		}},
		{"it does not know the key", func(t *testing.T) {
			h.refused(ctx, t, h.login("root", h.Other, h.HostKey), "10.20.0.2:22", "does not let root in", "authorized_keys")
		}},
		{"its user is not root", func(t *testing.T) {
			h.refused(ctx, t, h.login("pupil", h.Key, h.HostKey), "pupil", "is not root there", `set user = "root"`)
		}},
		{"nobody knows its host key", func(t *testing.T) {
			out := h.refused(ctx, t, known(), "its host key is not known", ".ssh/known_hosts:\n")
			line := regexp.MustCompile(`10\.20\.0\.2 ssh-ed25519 \S+`).FindString(out)
			write(t, filepath.Join(h.Dir, ".ssh/known_hosts"), line+"\n")
		}},
		{"its disk is full before the program is there", func(t *testing.T) {
			h.fill(ctx, t, 5)
			h.refused(ctx, t, known(), "No space left on device", "make room there")
		}},
		{"its disk is full before the image is there", func(t *testing.T) {
			h.fill(ctx, t, 30)
			h.refused(ctx, t, known(), "pac.boot.step.image.copy", "no space left on device")
			h.run(ctx, t, "rm /filler")
		}},
		{"its plug is pulled while the image comes", func(t *testing.T) {
			apply := h.start(ctx, t, known())
			waitFor(ctx, t, "the image is on its way", func() bool { return strings.Contains(apply.out.String(), "step.image.copy: creating") })
			if err := r.Lab.PowerOff(ctx, h.vm.Name); err != nil {
				t.Fatal(err)
			}
			apply.ends(t, "pac.boot.step.image.copy")
			h.on(ctx, t)
		}},
		{"it serves", func(t *testing.T) {
			apply := h.start(ctx, t, known())
			waitFor(ctx, t, "machines can boot", func() bool {
				return strings.Contains(apply.out.String(), "step.unit.dhcp: created") || strings.Contains(apply.out.String(), "Error:")
			})
			if err := r.Lab.PowerOn(ctx, "vm1"); err != nil {
				t.Fatal(err)
			}
			if err := apply.cmd.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, apply.out)
			}
			if got := h.run(ctx, t, "systemctl is-active viver-node; systemctl is-enabled viver-node"); got != "active\nenabled" {
				t.Errorf("its unit is %s", got)
			}
			if got := on(ctx, t, r, "pc01", "cat /etc/motd"); got != "This is pc01." {
				t.Errorf("pc01 says %s", got)
			}
		}},
		{"its agent is killed and restarted, and the machines go on", func(t *testing.T) {
			for _, end := range []string{"kill -9 $(systemctl show --property=MainPID --value viver-node)", "systemctl restart viver-node"} {
				const started = "systemctl show --property=ExecMainStartTimestampMonotonic --value viver-node"
				before := h.run(ctx, t, started)
				h.run(ctx, t, end)
				waitFor(ctx, t, "another agent runs", func() bool { return h.run(ctx, t, started) != before })
				on(ctx, t, r, "pc01", "echo 3 > /proc/sys/vm/drop_caches; cat /usr/bin/* | wc -c")
				uri := "nbd://10.20.0.2/" + string(machine(ctx, t, r, "pc01").Image)
				if out := peer(ctx, t, r, "nbdinfo", uri); !strings.Contains(out, "is_read_only: true") {
					t.Errorf("nbdinfo says\n%s", out)
				}
			}
			if out, err := h.viver(ctx, "plan", known(), "--detailed-exitcode").CombinedOutput(); err != nil {
				t.Errorf("a plan finds something to do: %v\n%s", err, out)
			}
		}},
		{"destroy takes everything away", func(t *testing.T) {
			if out, err := h.viver(ctx, "destroy", "", "--auto-approve").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			waitOff(ctx, t, &r.Lab.Machines[1])
			const left = "ls -d /var/lib/viver /etc/systemd/system/viver* /etc/systemd/system/*/viver*; pgrep -a viver; systemctl list-units --all --plain --no-legend 'viver*'; ss -Hltun | grep -v :22"
			if got := h.run(ctx, t, "("+left+") 2>/dev/null || :"); got != "" {
				t.Errorf("there is still\n%s", got)
			}
		}},
	})
}

// cacheDir is where viver has its images.
func cacheDir(t *testing.T) string {
	t.Helper()
	dir, err := os.UserCacheDir()
	if cache := os.Getenv("VIVER_CACHE"); cache != "" {
		dir, err = filepath.Abs(cache)
	} else {
		dir = filepath.Join(dir, "viver")
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// deskImage returns the folder of the image that the rooms boot.
func deskImage(ctx context.Context, t *testing.T, cache string) string {
	t.Helper()
	store, err := imagestore.Open(filepath.Join(cache, "images"))
	if err != nil {
		t.Fatal(err)
	}
	b := build.Builder{Store: store, NodeBinary: "../../bin/viver-node", Cache: filepath.Join(cache, "build")}
	id, _, err := b.Build(ctx, build.Source{
		From: "debian:bookworm", Packages: []string{"openssh-server"}, Kernel: "linux-image-cloud-amd64", Compression: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	root, err := store.Path(id, imagestore.FileRoot)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(root)
}

// login is a value for the configuration's variable of that name; without a host key known_hosts must know it.
func (h *hall) login(user, key, hostKey string) string {
	value := map[string]string{"user": user, "identity_file": key}
	if hostKey != "" {
		value["host_key"] = hostKey
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	return string(text)
}

// refused applies with a login, which must fail with exit code 1 and say all of this.
func (h *hall) refused(ctx context.Context, t *testing.T, login string, says ...string) string {
	t.Helper()
	out, err := h.viver(ctx, "apply", login, "--auto-approve").CombinedOutput()
	checkRefused(t, string(out), err, says)
	return string(out)
}

// start begins an apply.
func (h *hall) start(ctx context.Context, t *testing.T, login string) *process {
	t.Helper()
	p := &process{cmd: h.viver(ctx, "apply", login, "--auto-approve"), out: new(screen)}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// viver is Viver for an operator whose home is the configuration's folder.
func (h *hall) viver(ctx context.Context, word, login string, args ...string) *exec.Cmd {
	if login != "" {
		args = append(args, "--var", "login="+login)
	}
	cmd := h.Viver(ctx, word, args...)
	cmd.Env = append(os.Environ(), "HOME="+h.Dir, "SSH_AUTH_SOCK=", "VIVER_CACHE="+h.cache)
	return cmd
}

// on switches the server on and waits until its sshd answers.
func (h *hall) on(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := h.Lab.PowerOn(ctx, h.vm.Name); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, "the server's sshd answers", func() bool { return h.ssh(ctx, "true").Run() == nil })
}

// ssh is OpenSSH's own client, for a look at the server.
func (h *hall) ssh(ctx context.Context, command string) *exec.Cmd {
	return h.Lab.Command(ctx, "ssh", "-F", "none", "-i", h.Key, "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
		"-o", "UserKnownHostsFile="+filepath.Join(h.Dir, ".ssh/known_hosts"), "root@10.20.0.2", command)
}

// run runs a command on the server and returns what it printed.
func (h *hall) run(ctx context.Context, t *testing.T, command string) string {
	t.Helper()
	out, err := h.ssh(ctx, command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// fill leaves so many MiB on the server's disk.
func (h *hall) fill(ctx context.Context, t *testing.T, leave int) {
	t.Helper()
	h.run(ctx, t, fmt.Sprintf("rm -f /filler; fallocate -l $(($(df --output=avail -B 1M / | tail -n 1) - %d))M /filler", leave))
}
