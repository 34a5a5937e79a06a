package step_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"viver/nodeimage/spec"
	"viver/pacs/step"
)

// machine is a place in which the tests take steps: a folder of this machine, or a root of its own with its own mounts and network.
type machine struct {
	name   string
	shell  []string
	root   string // where it lies here
	prefix string // where it lies for its steps
	holder string // process that holds its namespaces; empty: it has none
	fake   bool   // it has an init and a package manager, made up
	runner step.Runner
}

// machines returns roots with this machine's tools and dash, with those and bash, and with nothing but busybox. Whoever is not root gets
// folders of this machine with dash and bash.
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
		m.runner = step.Runner{Command: m.command}
		if os.Geteuid() == 0 {
			m.hold(t, toolsRoot)
		} else {
			m.prefix, m.runner.StateDir = m.root, m.root+"/var/lib/viver/steps"
		}
		all = append(all, m)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil || os.Geteuid() != 0 {
		t.Logf("no machine with busybox: it needs root and busybox-static (%v)", err)
		return all
	}
	m := &machine{name: "busybox", shell: []string{"/bin/sh", "-s"}, root: t.TempDir(), fake: true}
	m.runner = step.Runner{Command: m.command}
	m.hold(t, busyboxRoot, busybox)
	return append(all, m)
}

// The roots of machines, made in their namespaces. What is mounted there is not seen from outside.
const (
	toolsRoot = `mkdir usr && mount --rbind /usr usr
for d in bin sbin lib lib64; do
if [ -L /$d ]; then ln -s usr/$d $d; elif [ -d /$d ]; then mkdir $d && mount --rbind /$d $d; fi
done`
	busyboxRoot = `mkdir bin sbin && cp "$1" bin/busybox && for a in $(bin/busybox --list); do [ -e bin/$a ] || ln -s busybox bin/$a; done`
)

// hold makes the machine's root and its namespaces, which last as long as the test.
func (m *machine) hold(t *testing.T, script string, args ...string) {
	t.Helper()
	const end = `
mkdir -p proc tmp && mount -t proc proc proc && ip link set lo up && echo ready && exec cat`
	cmd := exec.Command("unshare", append([]string{"-m", "-n", "--", "sh", "-ec", `cd "$0"` + "\n" + script + end, m.root}, args...)...)
	in, err := cmd.StdinPipe()
	m.must(t, err)
	out, err := cmd.StdoutPipe()
	m.must(t, err)
	cmd.Stderr = os.Stderr
	m.must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("make the machine %s: %q, %v", m.name, line, err)
	}
	m.holder = strconv.Itoa(cmd.Process.Pid)
}

func (m *machine) command(ctx context.Context) *exec.Cmd { return m.start(ctx, m.shell...) }

// start makes a command that runs on the machine.
func (m *machine) start(ctx context.Context, args ...string) *exec.Cmd {
	if m.holder != "" {
		args = append([]string{"nsenter", "-t", m.holder, "-m", "-n", "--", "chroot", m.root}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = []string{"PATH=/opt/bin:" + os.Getenv("PATH")}
	return cmd
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
	modprobe = `#!/bin/sh
if [ "$1" = -r ]; then rm -r /sys/module/$2; exit; fi
at=/sys/module/$1/parameters; mkdir -p $at; shift
for o; do echo ${o#*=} >$at/${o%%=*}; done
`
	apk = `#!/bin/sh
what=$1; shift
for n; do
case $what in
info) [ "$n" = -e ] || [ -e /opt/apk/$n ] || exit 1 ;;
add) : >/opt/apk/$n ;;
del) rm /opt/apk/$n ;;
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
		if n := e.Name(); !slices.Contains(programs, n) && n != "tmp" {
			if err := os.RemoveAll(filepath.Join(m.root, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if m.prefix == "" {
		m.furnish(t)
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

// programs are the folders that a machine has its programs in; the mount points of others are empty, seen from here.
var programs = []string{"bin", "sbin", "lib", "lib64", "usr", "proc"}

// The accounts of a machine that nobody has used yet.
var accounts = map[string]string{
	"passwd":  "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n",
	"group":   "root:x:0:\ndaemon:x:1:\naudio:x:29:daemon\n",
	"shadow":  "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n",
	"gshadow": "root:*::\ndaemon:*::\naudio:*::daemon\n",
}

// furnish makes what a root has from the start.
func (m *machine) furnish(t *testing.T) {
	t.Helper()
	for _, d := range []string{"dev", "etc/init.d", "etc/rc2.d", "opt/apk", "opt/bin", "run/mount", "sys/module", "tmp", "var/lib", "etc/skel"} {
		m.must(t, os.MkdirAll(filepath.Join(m.root, d), 0o755))
	}
	for device, number := range map[string]int{"dev/null": 1<<8 | 3, "dev/zero": 1<<8 | 5} {
		m.must(t, syscall.Mknod(filepath.Join(m.root, device), syscall.S_IFCHR|0o666, number))
		m.must(t, os.Chmod(filepath.Join(m.root, device), 0o666))
	}
	for name, text := range accounts {
		mode := map[bool]os.FileMode{true: 0o640, false: 0o644}[strings.HasSuffix(name, "shadow")]
		m.must(t, os.WriteFile(filepath.Join(m.root, "etc", name), []byte(text), mode))
	}
	m.must(t, os.WriteFile(filepath.Join(m.root, "etc/skel/.profile"), []byte("umask 022\n"), 0o644))
	m.must(t, os.WriteFile(filepath.Join(m.root, "opt/bin/modprobe"), []byte(modprobe), 0o755))
	if m.fake {
		for name, text := range map[string]string{"etc/init.d/demo": initScript, "sbin/update-rc.d": updateRC, "sbin/apk": apk} {
			m.must(t, os.WriteFile(filepath.Join(m.root, name), []byte(text), 0o755))
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
	cmd := m.start(t.Context(), m.shell[0], "-e", "-s")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// read returns a file's content, or a link's target behind "-> "; of "mount:/PATH" what is mounted there.
func (m *machine) read(t *testing.T, name string) string {
	t.Helper()
	if strings.HasPrefix(name, "mount:") {
		return m.mounts(t)[name]
	}
	at := filepath.Join(m.root, name)
	if target, err := os.Readlink(at); err == nil {
		return "-> " + target
	}
	data, err := os.ReadFile(at)
	m.must(t, err)
	return string(data)
}

// mounts returns what steps have mounted, each in the form "source type options".
func (m *machine) mounts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	if m.holder == "" {
		return all
	}
	table, err := os.ReadFile("/proc/" + m.holder + "/mountinfo")
	m.must(t, err)
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		at, ok := strings.CutPrefix(f[4], m.root+"/")
		if dir, _, _ := strings.Cut(at, "/"); !ok || slices.Contains(programs, dir) {
			continue
		}
		n := slices.Index(f, "-")
		all["mount:/"+at] = f[n+2] + " " + f[n+1] + " " + f[5]
	}
	return all
}

// snapshot describes everything on the machine but its programs and what viver remembers.
func (m *machine) snapshot(t *testing.T) map[string]string {
	t.Helper()
	all := m.mounts(t)
	m.must(t, filepath.WalkDir(m.root, func(at string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(m.root, at)
		if err != nil || name == "." {
			return err
		}
		if name == "var" || d.IsDir() && slices.Contains(programs, name) {
			return filepath.SkipDir
		}
		if name == "run/mount" {
			return filepath.SkipDir // where util-linux keeps a lock
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if info.Mode().IsRegular() || info.Mode().Type() == fs.ModeSymlink {
			text = m.read(t, name)
		}
		all[name] = fmt.Sprintf("%s %q", info.Mode(), text)
		return nil
	}))
	return all
}
