package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/testing/lab"
)

// TestLife leads a room of two machines through its whole life: up, in use, changed by hand, rebooted, ill, off, gone.
func TestLife(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	r := open(t, "e2e-life", nil,
		lab.Machine{Name: "vm1", CPUs: 2, MemoryMB: 768}, lab.Machine{Name: "vm2", CPUs: 2, Firmware: lab.UEFI, MemoryMB: 768})
	bringUp(ctx, t, r)

	inOrder(t, []part{
		{"every stage is reached in its order", func(t *testing.T) {
			for _, node := range []string{"pc01", "pc02"} {
				checkBoot(t, machine(ctx, t, r, node))
			}
		}},
		{"a plan finds nothing to do", func(t *testing.T) {
			if code, out := plan(ctx, t, r); code != 0 {
				t.Errorf("exit code %d:\n%s", code, out)
			}
		}},
		{"the root is shared and written to in RAM", func(t *testing.T) {
			if got := on(ctx, t, r, "pc01", "findmnt -no FSTYPE / && hostname && cat /etc/hostname /etc/motd"); got !=
				"overlay\npc01\npc01\nThis is pc01. Its root is shared, its changes are in RAM." {
				t.Errorf("pc01 is otherwise:\n%s", got)
			}
			if got := on(ctx, t, r, "pc02", "touch /etc/mine && hostname && test ! -e /dev/vda && echo no disk"); got != "pc02\nno disk" {
				t.Errorf("pc02 is otherwise:\n%s", got)
			}
			on(ctx, t, r, "pc01", "test ! -e /etc/mine")
		}},
		{"what somebody changed by hand is seen and mended", func(t *testing.T) {
			on(ctx, t, r, "pc02", "rm /etc/motd")
			code, out := plan(ctx, t, r)
			if code != 2 || !strings.Contains(out, "step.file.motd[pc02]") || strings.Contains(out, "motd[pc01]") {
				t.Errorf("the plan is, with exit code %d:\n%s", code, out)
			}
			if _, err := r.Run(ctx, "apply", "--auto-approve"); err != nil {
				t.Error(err)
			}
			on(ctx, t, r, "pc02", "grep -q 'This is pc02' /etc/motd")
		}},
		{"a reboot brings the steps back without the operator", func(t *testing.T) {
			before := machine(ctx, t, r, "pc01")
			on(ctx, t, r, "pc01", "systemctl reboot")
			waitFor(ctx, t, "pc01 has joined again", func() bool {
				m := machine(ctx, t, r, "pc01")
				return m.BootID != before.BootID && m.Stage() == spec.StageJoined
			})
			if m := machine(ctx, t, r, "pc01"); m.MAC != before.MAC {
				t.Errorf("pc01 went from machine %s to %s", before.MAC, m.MAC)
			}
			on(ctx, t, r, "pc01", "grep -q 'This is pc01' /etc/motd")
			if code, out := plan(ctx, t, r); code != 0 {
				t.Errorf("after the reboot a plan has, with exit code %d:\n%s", code, out)
			}
		}},
		{"the agent's death does not touch the root", func(t *testing.T) {
			killed := on(ctx, t, r, "pc01", `(sleep 1; pkill -9 -f '^@viver-agent') >/dev/null 2>&1 </dev/null & pgrep -f '^@viver-agent'`)
			waitFor(ctx, t, "pc01 has another agent", func() bool {
				out, err := r.Viver(ctx, "ssh", "pc01", "pgrep -f '^@viver-agent'").Output()
				return err == nil && strings.TrimSpace(string(out)) != killed
			})
			on(ctx, t, r, "pc01", "echo 3 > /proc/sys/vm/drop_caches; cat /usr/bin/* | wc -c")
		}},
		{"foreign programs find what is served", func(t *testing.T) { checkPeers(ctx, t, r) }},
		{"machines have passports", func(t *testing.T) { checkPassports(ctx, t, r) }},
		{"a power-off typed on a node ends it", func(t *testing.T) {
			vm := virtual(ctx, t, r, "pc02")
			on(ctx, t, r, "pc02", "systemctl poweroff")
			waitOff(ctx, t, vm)
			if m := machine(ctx, t, r, "pc02"); m.Stage() != spec.StageLeft {
				t.Errorf("the seed thinks that pc02 is in stage %s", m.Stage())
			}
			if code, out := plan(ctx, t, r); code != 0 || !strings.Contains(out, "1 machine unreachable") || !strings.Contains(out, "! node.pc[pc02]") {
				t.Errorf("a plan without pc02 is, with exit code %d:\n%s", code, out)
			}
		}},
		{"destroy powers off and leaves nothing", func(t *testing.T) {
			vm := virtual(ctx, t, r, "pc01")
			out, err := r.Run(ctx, "destroy", "--auto-approve")
			if err != nil {
				t.Fatal(err)
			}
			waitOff(ctx, t, vm)
			if _, err := os.Stat(filepath.Join(r.Dir, "seed")); err == nil {
				t.Errorf("the seed's folder is still there after\n%s", out)
			}
			if left, err := r.Lab.Command(ctx, "ss", "-Hlntu").Output(); err != nil || len(left) > 0 {
				t.Errorf("something still listens: %s, %v", left, err)
			}
		}},
	})
}

// checkBoot checks that a boot was reported whole and in order, and that the machine told what it is.
func checkBoot(t *testing.T, m spec.Machine) {
	t.Helper()
	var stages []spec.Stage
	for i, s := range m.Boot {
		stages = append(stages, s.Stage)
		if i > 0 && s.At.Before(m.Boot[i-1].At) {
			t.Errorf("%s reached %s before %s", m.Node, s.Stage, m.Boot[i-1].Stage)
		}
	}
	if !slices.Equal(stages, spec.Stages()) {
		t.Errorf("%s went through %v", m.Node, stages)
	}
	if f := m.Facts; f == nil || f.MemoryBytes < 600<<20 || f.Cores != 2 || f.Vendor != "viver" || len(f.Interfaces) != 1 || f.Interfaces[0].MAC != m.MAC {
		t.Errorf("%s has the facts %+v", m.Node, f)
	}
	if m.BytesRead < 10<<20 || m.BytesRead > 200<<20 {
		t.Errorf("%s has read %d bytes", m.Node, m.BytesRead)
	}
}
