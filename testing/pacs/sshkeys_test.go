package pacs_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	pacstep "viver/pacs/step"
	"viver/planner/lang"
	"viver/providers/step"
)

// The server makes a key for the user and one for each node, keeps them to itself, makes again what was cut off, forgets that of a node
// that has left, and in the end all.
func TestClusterKeys(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	config := strings.Replace(room, `{ address = "10.20.0.1" }`, "{\n  address = \"10.20.0.1\"\n  data_dir = \""+dir+"\"\n}", 1) + `
pac "ssh" {
  source = "builtin/ssh-keys"
  server = server.seed
  nodes  = node.pc
  image  = image.desk
}
`
	var all []spec.Step
	check(t, evaluate(t, config, func(i *lang.Instance, v cty.Value) {
		if i.Machine != "server.seed" || !strings.HasPrefix(i.Addr.String(), "pac.ssh.") {
			return
		}
		s, err := step.Document(i.Addr.String(), strings.TrimPrefix(i.Type, "step."), v)
		if err != nil {
			t.Error(err)
		}
		all = append(all, s)
	}))
	memory := t.TempDir()
	run := func(mode string, steps ...spec.Step) map[string]spec.StepResult {
		t.Helper()
		results := map[string]spec.StepResult{}
		runner := pacstep.Runner{StateDir: memory, Command: func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, "sh", "-s") }}
		if err := runner.Run(t.Context(), mode, steps, func(r spec.StepResult) { results[r.ID] = r }); err != nil {
			t.Fatal(err)
		}
		return results
	}
	read := func(name string) string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, "ssh-keys/cluster", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(string(data), "\n")
	}

	first := run(pacstep.Apply, all...)
	if got := first[`pac.ssh.step.secret.host["pc02"]`].Output; got != read("host.pc02") || !strings.Contains(got, "OPENSSH PRIVATE KEY") {
		t.Error("the key of pc02 is otherwise")
	}
	if got := first["pac.ssh.step.fact.user"].Output; got+" user" != read("user.pub") {
		t.Errorf("the user's public key is %q, of %q", got, read("user.pub"))
	}
	if info, err := os.Stat(filepath.Join(dir, "ssh-keys/cluster/user")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	kept, lost := read("host.pc01"), read("host.pc02")
	if err := os.Truncate(filepath.Join(dir, "ssh-keys/cluster/host.pc02.pub"), 0); err != nil {
		t.Fatal(err)
	}
	if got := run(pacstep.Check, all...)[`pac.ssh.step.command.host["pc02"]`]; got.Status != spec.StepDiffers {
		t.Errorf("a key without its public half: %+v", got)
	}
	run(pacstep.Apply, all...)
	if read("host.pc01") != kept || read("host.pc02") == lost {
		t.Error("other keys than the broken one were made anew")
	}
	left := slices.IndexFunc(all, func(s spec.Step) bool { return s.ID == `pac.ssh.step.command.host["pc01"]` })
	run(pacstep.Undo, all[left])
	if found, err := filepath.Glob(filepath.Join(dir, "ssh-keys/cluster/host.*")); err != nil || len(found) != 2 || filepath.Base(found[0]) != "host.pc02" {
		t.Errorf("when pc01 has left there are %q, %v", found, err)
	}
	run(pacstep.Undo, all...)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}
