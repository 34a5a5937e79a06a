// Package steptest is what every type of step has to pass on every kind of machine, and the machines for it: folders and roots of their own, in
// which steps can do no harm.
package steptest

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"viver/nodeimage/spec"
	"viver/pacs/step"
)

// Machine is a place in which tests take steps.
type Machine struct {
	Name  string
	Shell []string // what reads the steps: dash -s
	// Root is where it lies here; Prefix is where that is for its steps: "" in a root of its own.
	Root, Prefix string
	// Busybox says that its shell takes its own modprobe and nobody else's.
	Busybox bool
	Runner  step.Runner

	holder   string   // process that holds its namespaces; empty: it has none
	stays    []string // entries of Root that Reset lets be, and Snapshot does not look into
	pristine string   // a copy of the others
}

// NewFolder makes a folder of this machine, for whoever is not root.
func NewFolder(t *testing.T, name string, shell ...string) *Machine {
	t.Helper()
	root := t.TempDir()
	m := &Machine{Name: name, Shell: shell, Root: root, Prefix: root}
	m.Runner = step.Runner{Command: m.command, StateDir: root + "/var/lib/viver/steps"}
	m.keep(t)
	return m
}

// NewRoot makes a root in the folder root, with mounts and a network of its own, by a shell script that runs there with args as $1, $2. What it
// mounts is not seen from outside. The entries named in stays are the same for all tests.
func NewRoot(t *testing.T, name, root string, shell, stays []string, script string, args ...string) *Machine {
	t.Helper()
	m := &Machine{Name: name, Shell: shell, Root: root, stays: append([]string{"dev", "proc", "tmp", "var"}, stays...)}
	m.Runner = step.Runner{Command: m.command}
	const begin = `cd "$0"
`
	const end = `
mkdir -p dev etc/skel opt proc run srv sys tmp var/lib
for d in null:3 zero:5; do [ -e dev/${d%:*} ] || mknod -m 666 dev/${d%:*} c 1 ${d#*:}; done
mount -t proc proc proc && ip link set lo up && echo ready && exec cat`
	cmd := exec.Command("unshare", append([]string{"-m", "-n", "--", "sh", "-ec", begin + script + end, root}, args...)...)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("make the machine %s: %q, %v", name, line, err)
	}
	m.holder = strconv.Itoa(cmd.Process.Pid)
	m.keep(t)
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *Machine) command(ctx context.Context) *exec.Cmd { return m.Command(ctx, m.Shell...) }

// Command makes a command that runs on the machine. Programs in its /opt/bin come before others.
func (m *Machine) Command(ctx context.Context, args ...string) *exec.Cmd {
	if m.holder != "" {
		args = append([]string{"nsenter", "-t", m.holder, "-m", "-n", "--", "chroot", m.Root}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = []string{"PATH=/opt/bin:" + os.Getenv("PATH")}
	return cmd
}

// In puts the machine's prefix in place of each @.
func (m *Machine) In(text string) json.RawMessage {
	return json.RawMessage(strings.ReplaceAll(text, "@", m.Prefix))
}

// Run takes the steps and returns one result for each.
func (m *Machine) Run(t *testing.T, mode string, steps ...spec.Step) []spec.StepResult {
	t.Helper()
	var got []spec.StepResult
	must(t, m.Runner.Run(t.Context(), mode, steps, func(r spec.StepResult) { got = append(got, r) }))
	if len(got) != len(steps) {
		t.Fatalf("%d steps, %d results: %+v", len(steps), len(got), got)
	}
	return got
}

// Script runs the steps as those of an image.
func (m *Machine) Script(t *testing.T, steps []spec.Step) (string, error) {
	t.Helper()
	text, err := step.Script(steps)
	must(t, err)
	cmd := m.Command(t.Context(), m.Shell[0], "-e", "-s")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Listen has somebody answer at a port of the machine, until the test ends.
func (m *Machine) Listen(t *testing.T) (port int) {
	t.Helper()
	return listen(t, "/proc/"+m.holder+"/ns/net")
}

func (m *Machine) path(name string) string { return filepath.Join(m.Root, name) }
