package e2e_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/testing/lab"
	"viver/testing/room"
)

// open makes a room that is removed when the test ends; if it failed, the test says what the machines and the seed said last.
func open(t *testing.T, name string, vars map[string]string, machines ...lab.Machine) *room.Room {
	t.Helper()
	return openConfig(t, "../../examples/room", name, vars, machines...)
}

// openConfig is open for another configuration than that of the example.
func openConfig(t *testing.T, config, name string, vars map[string]string, machines ...lab.Machine) *room.Room {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("rooms of virtual machines need root")
	}
	r, err := room.Open(t.Context(), room.Options{
		Name: name, Config: config, Dir: filepath.Join(t.TempDir(), name), Machines: machines, Vars: vars,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			explain(t, r)
		}
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func explain(t *testing.T, r *room.Room) {
	for _, m := range r.Lab.Machines {
		t.Logf("%s said last:\n%s", m.Name, r.Serial(m.Name, 25))
	}
	log, _ := os.ReadFile(filepath.Join(r.Dir, "seed", "agent.log"))
	t.Logf("the seed's agent said last:\n%s", log[max(0, len(log)-4000):])
}

// bringUp applies the configuration with all machines switched on.
func bringUp(ctx context.Context, t *testing.T, r *room.Room) {
	t.Helper()
	if out, err := r.Build(ctx).CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v\n%s", err, out)
	}
	apply := r.Viver(ctx, "apply", "--auto-approve")
	var out strings.Builder
	apply.Stdout, apply.Stderr = &out, &out
	if _, err := r.Apply(ctx, apply); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
}

// on runs a command on a node and returns what it printed.
func on(ctx context.Context, t *testing.T, r *room.Room, node, command string) string {
	t.Helper()
	out, err := r.Viver(ctx, "ssh", node, command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %s: %v\n%s", node, command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// machine returns what the seed knows of a node.
func machine(ctx context.Context, t *testing.T, r *room.Room, node string) spec.Machine {
	t.Helper()
	machines, err := r.Machines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range machines {
		if m.Node == node {
			return m
		}
	}
	t.Fatalf("no machine is bound to %s: %+v", node, machines)
	return spec.Machine{}
}

// virtual returns the lab's machine that is bound to a node.
func virtual(ctx context.Context, t *testing.T, r *room.Room, node string) *lab.Machine {
	t.Helper()
	mac := machine(ctx, t, r, node).MAC
	for i := range r.Lab.Machines {
		if r.Lab.Machines[i].MAC == mac {
			return &r.Lab.Machines[i]
		}
	}
	t.Fatalf("the lab has no machine %s", mac)
	return nil
}

// waitFor asks once a second until what is expected is there.
func waitFor(ctx context.Context, t *testing.T, what string, there func() bool) {
	t.Helper()
	for !there() {
		select {
		case <-ctx.Done():
			t.Fatalf("gave up waiting until %s: %v", what, ctx.Err())
		case <-time.After(time.Second):
		}
	}
}

// waitOff waits until a machine has ended by itself.
func waitOff(ctx context.Context, t *testing.T, m *lab.Machine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if code, err := m.Wait(ctx); err != nil || code != 0 {
		t.Fatalf("%s did not power itself off: QEMU's exit code is %d, %v", m.Name, code, err)
	}
}

// plan runs viver plan and returns its exit code: 0 no changes, 2 changes.
func plan(ctx context.Context, t *testing.T, r *room.Room) (int, string) {
	t.Helper()
	out, err := r.Viver(ctx, "plan", "--detailed-exitcode").CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}
