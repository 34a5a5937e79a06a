package e2e_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"viver/testing/installed"
	"viver/testing/lab"
)

// install gives a machine a Debian of its own, made of a built image.
func install(ctx context.Context, t *testing.T, machine *lab.Machine, image, address string) *installed.System {
	t.Helper()
	system, err := installed.Install(ctx, t.TempDir(), machine, image, address)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// tool runs a program to its end.
func tool(ctx context.Context, t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
