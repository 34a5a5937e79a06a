package step_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"viver/nodeimage/spec"
	"viver/pacs/step"
)

// machine is a place in which the tests take steps: a folder of this machine, or a root of its own with other tools.
type machine struct {
	name   string
	shell  []string
	root   string // where it lies here
	prefix string // where it lies for its steps
	runner step.Runner
}

// machines returns a folder with this machine's dash and coreutils, one with bash, and, for root, a root with nothing but busybox
// and one with busybox and dash.
func machines(t *testing.T) []*machine {
	t.Helper()
	var all []*machine
	for _, shell := range [][]string{{"dash", "-s"}, {"bash", "--posix", "-s"}} {
		path, err := exec.LookPath(shell[0])
		if err != nil {
			if shell[0] == "dash" && os.Getenv("CI") == "true" {
				t.Fatal("dash is missing: apt-get install dash")
			}
			continue
		}
		m := &machine{name: shell[0], shell: append([]string{path}, shell[1:]...), root: t.TempDir()}
		m.prefix = m.root
		m.runner = step.Runner{Command: m.command(nil), StateDir: m.root + "/var/lib/viver/steps"}
		all = append(all, m)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil || os.Geteuid() != 0 {
		t.Logf("no machine with busybox: it needs root and busybox-static (%v)", err)
		return all
	}
	m := &machine{name: "busybox", shell: []string{"/bin/sh", "-s"}, root: t.TempDir()}
	m.runner = step.Runner{Command: m.command(&syscall.SysProcAttr{Chroot: m.root})}
	if out, err := exec.Command("sh", "-c", `cd "$1" && mkdir -p bin sbin tmp && cp "$0" bin/busybox && for a in $(bin/busybox --list); do [ -e bin/$a ] || ln -s busybox bin/$a; done`,
		busybox, m.root).CombinedOutput(); err != nil {
		t.Fatalf("make a root of busybox: %v\n%s", err, out)
	}
	return append(all, m)
}

func (m *machine) command(attr *syscall.SysProcAttr) func(context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, m.shell[0], m.shell[1:]...)
		cmd.SysProcAttr = attr
		return cmd
	}
}

// A service of sysvinit and a package manager, as small as they can be.
const (
	initScript = `#!/bin/sh
case $1 in
start) echo 1 >/run/demo.pid; sleep 3 & ;;
stop) rm -f /run/demo.pid ;;
status) [ -f /run/demo.pid ] ;;
esac
`
	updateRC = `#!/bin/sh
case $2 in
enable) ln -s ../init.d/$1 /etc/rc2.d/S01$1 ;;
disable) rm /etc/rc2.d/S01$1 ;;
esac
`
	apk = `#!/bin/sh
what=$1; shift
for n; do
case $what in
info) [ "$n" = -e ] || [ -e /lib/apk/db/$n ] || exit 1 ;;
add) : >/lib/apk/db/$n ;;
del) rm /lib/apk/db/$n ;;
esac
done
`
)

// reset empties the machine, but for its programs, and puts files there. A content of "-> x" makes a link to x.
func (m *machine) reset(t *testing.T, files map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(m.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); n != "bin" && n != "sbin" && n != "tmp" {
			if err := os.RemoveAll(filepath.Join(m.root, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if m.prefix == "" {
		for _, d := range []string{"dev", "etc/init.d", "etc/rc2.d", "lib/apk/db", "run", "tmp", "var/lib"} {
			m.must(t, os.MkdirAll(filepath.Join(m.root, d), 0o755))
		}
		m.must(t, syscall.Mknod(filepath.Join(m.root, "dev/null"), syscall.S_IFCHR|0o666, 1<<8|3))
		for name, text := range map[string]string{"etc/init.d/demo": initScript, "sbin/update-rc.d": updateRC, "sbin/apk": apk} {
			m.must(t, os.WriteFile(filepath.Join(m.root, name), []byte(text), 0o755))
		}
	}
	for name, text := range files {
		at := filepath.Join(m.root, name)
		m.must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			m.must(t, os.Symlink(target, at))
		} else {
			m.must(t, os.WriteFile(at, []byte(text), 0o644))
		}
	}
}

func (m *machine) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// in puts the machine's prefix in place of @.
func (m *machine) in(text string) json.RawMessage {
	return json.RawMessage(strings.ReplaceAll(text, "@", m.prefix))
}

// run takes the steps and returns one result for each.
func (m *machine) run(t *testing.T, mode string, steps ...spec.Step) []spec.StepResult {
	t.Helper()
	var got []spec.StepResult
	if err := m.runner.Run(t.Context(), mode, steps, func(r spec.StepResult) { got = append(got, r) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(steps) {
		t.Fatalf("%d steps, %d results: %+v", len(steps), len(got), got)
	}
	return got
}

// script runs the steps as those of an image.
func (m *machine) script(t *testing.T, steps []spec.Step) (string, error) {
	t.Helper()
	text, err := step.Script(steps)
	m.must(t, err)
	cmd := m.runner.Command(t.Context())
	cmd.Args = append(cmd.Args[:1:1], "-e", "-s")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// read returns a file's content, or a link's target behind "-> ".
func (m *machine) read(t *testing.T, name string) string {
	t.Helper()
	at := filepath.Join(m.root, name)
	if target, err := os.Readlink(at); err == nil {
		return "-> " + target
	}
	data, err := os.ReadFile(at)
	m.must(t, err)
	return string(data)
}

// snapshot describes everything on the machine but its programs and what viver remembers.
func (m *machine) snapshot(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	m.must(t, filepath.WalkDir(m.root, func(at string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(m.root, at)
		if err != nil || name == "." {
			return err
		}
		if name == "bin" || name == "var" {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if !d.IsDir() && d.Name() != "null" {
			text = m.read(t, name)
		}
		all[name] = fmt.Sprintf("%s %q", info.Mode(), text)
		return nil
	}))
	return all
}
