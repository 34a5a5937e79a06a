package pacs_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"viver/nodeimage/spec"
	pacstep "viver/pacs/step"
	"viver/pacs/step/steptest"
)

// debianArguments are those of mmdebstrap for a Debian without systemd. It has both OpenRC and the tools of sysvinit.
var debianArguments = []string{
	"--mode=root", "--variant=minbase", "--components=main", "--include=sysvinit-core,openrc,cron", `--aptopt=Acquire::Languages "none"`, "bookworm",
}

// debianTar returns such a root as an archive, which is made once on each machine that tests.
func debianTar(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("VIVER_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("%v (or set VIVER_CACHE)", err)
		}
		cache = filepath.Join(user, "viver")
	}
	key := sha256.Sum256([]byte(strings.Join(debianArguments, "\n")))
	name := filepath.Join(cache, "roots", hex.EncodeToString(key[:8])+".tar")
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return name
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "mmdebstrap", append(debianArguments[:len(debianArguments):len(debianArguments)], name+".new.tar")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mmdebstrap: %v\n%s", err, out)
	}
	if err := os.Rename(name+".new.tar", name); err != nil {
		t.Fatal(err)
	}
	return name
}

// debianRoot unpacks the archive $1, with an archive of packages of its own, as there is no network. Without OpenRC it is a root of sysvinit.
const debianRoot = `tar -xf "$1" --exclude='./dev/*'
mkdir -p run/openrc var/repo var/demo/DEBIAN var/demo/opt/viver-demo
if [ "$2" = openrc ]; then : >run/openrc/softlevel; else rm -f usr/sbin/rc-update usr/sbin/rc-service usr/sbin/openrc sbin/openrc; fi
echo 1 >var/demo/opt/viver-demo/here
printf 'Package: viver-demo\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: a demonstration\n' >var/demo/DEBIAN/control
dpkg-deb --build var/demo var/repo/viver-demo.deb >/dev/null
{ cat var/demo/DEBIAN/control; echo Filename: ./viver-demo.deb; echo "Size: $(stat -c %s var/repo/viver-demo.deb)"
echo "SHA256: $(sha256sum var/repo/viver-demo.deb | cut -d ' ' -f 1)"; } >var/repo/Packages
rm -rf var/demo etc/apt/sources.list.d
echo 'deb [trusted=yes] file:/var/repo ./' >etc/apt/sources.list`

// debians returns roots of Debian with sysvinit and with OpenRC.
func debians(t *testing.T) []*steptest.Machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes roots of a distribution, with mounts and a network of their own")
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("mmdebstrap is missing: apt-get install mmdebstrap")
		}
		t.Skip("needs mmdebstrap")
	}
	archive := debianTar(t)
	var all []*steptest.Machine
	for _, init := range []string{"sysvinit", "openrc"} {
		stays := []string{"bin", "boot", "lib", "lib32", "lib64", "libx32", "media", "root", "sbin", "usr"}
		m := steptest.NewRoot(t, init, t.TempDir(), []string{"/bin/sh", "-s"}, stays, debianRoot, archive, init)
		t.Cleanup(func() { // of a step that failed
			_ = m.Command(context.Background(), "start-stop-daemon", "--stop", "--oknodo", "--quiet", "--pidfile", "/run/crond.pid").Run()
		})
		all = append(all, m)
	}
	return all
}

func TestDebianWithoutSystemd(t *testing.T) {
	all := debians(t)
	t.Run("conformance", func(t *testing.T) { steptest.Conform(t, onDebian(), all...) })
	for _, m := range all {
		t.Run("tools agree/"+m.Name, func(t *testing.T) { toolsAgree(t, m) })
		t.Run("in an image/"+m.Name, func(t *testing.T) { inAnImage(t, m) })
	}
}

func onDebian() map[string]steptest.Example {
	examples := map[string]steptest.Example{
		"service": {Type: "service", Config: `{"name":"cron","enabled":false,"running":true}`, Before: map[string]string{"run/crond.reboot": ""}},
		"package": {Type: "package", Config: `{"names":["viver-demo"]}`, Before: map[string]string{"opt/x": ""}, After: map[string]string{"opt/viver-demo/here": "1\n"}},
	}
	maps.Copy(examples, steptest.Examples())
	return examples
}

// toolsAgree: the tools of the distribution have to find accounts that a step has made as they should be, and a daemon has to run.
func toolsAgree(t *testing.T, m *steptest.Machine) {
	m.Reset(t, nil)
	steps := []spec.Step{
		{ID: "a", Type: "group", Config: []byte(`{"name":"pupils","gid":5000}`)},
		{ID: "b", Type: "user", Config: []byte(`{"name":"ada","uid":2000,"groups":["pupils","audio"],"password_hash":"` + steptest.Hash + `"}`)},
		{ID: "c", Type: "user", Config: []byte(`{"name":"munge","group":"nogroup","home":"/nonexistent","system":true}`)},
		{ID: "d", Type: "service", Config: []byte(`{"name":"cron","running":true}`)},
	}
	for _, r := range m.Run(t, pacstep.Apply, steps...) {
		if r.Status != spec.StepChanged {
			t.Fatalf("%+v", r)
		}
	}
	for script, want := range map[string]string{
		"grpck -r": "", "pwck -rq": "",
		"su - ada -c 'id -un; id -Gn; pwd; echo $SHELL'":                             "ada\nada audio pupils\n/home/ada\n/bin/bash\n",
		"stat -c '%a %U %G' /home/ada /etc/shadow":                                   "700 ada ada\n640 root shadow\n",
		"useradd -m bob && passwd -S ada | cut -d ' ' -f 1,2 && userdel -r bob 2>&1": "ada P\n",
		"cat /proc/$(cat /run/crond.pid)/comm":                                       "cron\n",
	} {
		out, err := m.Command(t.Context(), "/bin/sh", "-c", script).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), want) || want == "" && len(out) > 0 {
			t.Errorf("%s: %v\n%swant\n%s", script, err, out, want)
		}
	}
	slices.Reverse(steps)
	for _, r := range m.Run(t, pacstep.Undo, steps...) {
		if r.Status != spec.StepUndone || r.Diff != "" {
			t.Errorf("%+v", r)
		}
	}
}

// inAnImage: what is baked in is in files: nothing is started, mounted or loaded.
func inAnImage(t *testing.T, m *steptest.Machine) {
	m.Reset(t, nil)
	var steps []spec.Step
	for _, s := range []string{
		`package {"names":["viver-demo"]}`, `group {"name":"pupils"}`, `user {"name":"ada","group":"pupils"}`, `service {"name":"cron","enabled":false,"running":true}`,
		`mount {"path":"/srv/home","source":"seed:/home","type":"nfs","options":["nofail"],"persistent":true}`,
		`sysctl {"name":"net.ipv4.ip_forward","value":"1"}`, `kernel_module {"name":"nfs"}`, `link {"path":"/srv/data","target":"home"}`,
	} {
		name, config, _ := strings.Cut(s, " ")
		steps = append(steps, spec.Step{ID: name, Type: name, Config: []byte(config)})
	}
	if out, err := m.Script(t, steps); err != nil || strings.Count(out, ": changed ") != len(steps) {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := m.Script(t, steps); err != nil || strings.Count(out, ": same ") != len(steps) {
		t.Errorf("the second time: %v\n%s", err, out)
	}
	for name, want := range map[string]string{
		"opt/viver-demo/here": "1\n", "etc/sysctl.d/90-viver-net.ipv4.ip_forward.conf": "net.ipv4.ip_forward = 1\n",
		"etc/modules-load.d/viver-nfs.conf": "nfs\n", "srv/data": "-> home",
	} {
		if got := m.Read(t, name); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	for name := range m.Snapshot(t) {
		if strings.HasPrefix(name, "mount:") || name == "run/crond.pid" {
			t.Errorf("there is %s", name)
		}
	}
	if _, err := os.Stat(m.Root + "/var/lib/viver"); err == nil {
		t.Error("what undo would need is in the image")
	}
}
