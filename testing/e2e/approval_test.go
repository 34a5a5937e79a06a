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

// TestApproval lets a machine in by hand, which then runs a unit, also when it comes again.
func TestApproval(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	r := openConfig(t, approvalConfig(t), "e2e-approval", nil, lab.Machine{Name: "vm1", MemoryMB: 768})
	mac := r.Lab.Machines[0].MAC
	if out, err := r.Build(ctx).CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v\n%s", err, out)
	}
	apply := r.Viver(ctx, "apply", "--auto-approve")
	var said strings.Builder
	apply.Stdout, apply.Stderr = &said, &said
	ended := make(chan error, 1)
	go func() { // ends with ctx at the latest
		_, err := r.Apply(ctx, apply)
		ended <- err
	}()
	waitFor(ctx, t, "a machine waits for approval", func() bool {
		if len(ended) > 0 {
			t.Fatalf("apply did not wait: %v\n%s", <-ended, said.String())
		}
		machines, _ := r.Machines(ctx) // there is no server at first
		return len(machines) == 1 && !machines[0].Pending.IsZero() && machines[0].Facts != nil
	})
	if text := r.Serial("vm1", 10); !strings.Contains(text, "viver nodes approve "+mac) {
		t.Errorf("its console says\n%s", text)
	}
	if out, err := r.Run(ctx, "nodes", "approve", strings.ToUpper(mac)); err != nil || !strings.Contains(out, mac+" is let in.") {
		t.Errorf("%s, %v", out, err)
	}
	if err := <-ended; err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if out, err := r.Run(ctx, "nodes", "approve", "--all"); err == nil || !strings.Contains(out, "no machine waits") {
		t.Errorf("%s, %v", out, err)
	}
	if code, out := plan(ctx, t, r); code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	before := machine(ctx, t, r, "pc01")
	on(ctx, t, r, "pc01", "systemctl reboot")
	waitFor(ctx, t, "pc01 is back", func() bool {
		m := machine(ctx, t, r, "pc01")
		return m.BootID != before.BootID && m.Stage() == spec.StageJoined
	})
	if code, out := plan(ctx, t, r); code != 0 || strings.Contains(out, "unreachable") {
		t.Errorf("after a reboot, with exit code %d:\n%s", code, out)
	}
}

// approvalConfig is the example, under approval and with a unit on each node.
func approvalConfig(t *testing.T) string {
	t.Helper()
	example := read(t, "../../examples/room", "main.viver.hcl")
	const network = "network \"room\" {\n"
	if !strings.Contains(example, network) {
		t.Fatal("the example has no network \"room\"")
	}
	config := strings.Replace(example, network, network+"  admission = \"approve\"\n", 1) + `
step "unit" "quiet" {
  on     = node.pc
  unit   = "dhcp"
  config = { interface = "eth0", mode = "off" }
}
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.viver.hcl"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
