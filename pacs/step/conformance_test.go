package step_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/spec"
	"viver/pacs/step"
	"viver/pacs/step/steptest"
)

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
mkdir -p /etc/rc2.d
case $2 in
enable) ln -s ../init.d/$1 /etc/rc2.d/S01$1 ;;
disable) rm /etc/rc2.d/S01$1 ;;
esac
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

func service() map[string]string {
	return map[string]string{"etc/init.d/demo": initScript, "opt/bin/update-rc.d": updateRC, "etc/rc2.d/README": ""}
}

func packages() map[string]string { return map[string]string{"opt/bin/apk": apk, "opt/apk/htop": ""} }

// The types service and package, as this test has made them up.
func madeUp() map[string]steptest.Example {
	return map[string]steptest.Example{
		"service": {
			Type: "service", Root: true, Config: `{"name":"demo","enabled":true,"running":true}`, Before: service(),
			After: map[string]string{"run/demo.pid": "1\n", "etc/rc2.d/S01demo": "-> ../init.d/demo"},
		},
		"package": {
			Type: "package", Root: true, Config: `{"names":["htop","nfs-utils"]}`, Before: packages(), After: map[string]string{"opt/apk/nfs-utils": ""},
		},
	}
}

// TestConformance takes an example of every type on every machine.
func TestConformance(t *testing.T) {
	all, examples := machines(t), madeUp()
	maps.Copy(examples, steptest.Examples())
	for _, typ := range step.Types() {
		if !covered(examples, typ.Name) {
			t.Errorf("no example for the type %s", typ.Name)
		}
	}
	install := map[string]steptest.Example{"package": examples["package"]}
	delete(examples, "package")
	steptest.Conform(t, examples, all...)
	steptest.Conform(t, install, bare(all)...)
}

// bare are the machines without a real package manager.
func bare(all []*steptest.Machine) []*steptest.Machine {
	return slices.DeleteFunc(slices.Clone(all), func(m *steptest.Machine) bool { return !m.Busybox })
}

func covered(examples map[string]steptest.Example, name string) bool {
	for _, e := range examples {
		if e.Type == name {
			return true
		}
	}
	return false
}

// TestFailureLeavesNothing breaks a step in its middle.
func TestFailureLeavesNothing(t *testing.T) {
	all := machines(t)
	for name, config := range map[string]struct{ stepType, config, want string }{
		"unknown owner":    {"file", `{"path":"@/x/y/z","content":"1","owner":"nobody-of-this-name"}`, "nobody-of-this-name"},
		"over a directory": {"file", `{"path":"@/folder","content":"1"}`, "is no file"},
		"folder's owner":   {"directory", `{"path":"@/x/y","owner":"nobody-of-this-name"}`, "nobody-of-this-name"},
		"below a file":     {"directory", `{"path":"@/here/y"}`, ""},
		"command":          {"command", `{"run":"echo one\nfalse\necho two >@/two"}`, "one"},
		"syntax error":     {"command", `{"run":"if"}`, ""},
		"check still bad":  {"command", `{"run":":","check":"false"}`, "still fails"},
		"no such service":  {"service", `{"name":"nothing-like-it","enabled":true}`, "is its package installed"},
		"over a folder":    {"link", `{"path":"@/folder","target":"/x"}`, "is a directory"},
		"waits in vain":    {"wait_for", `{"path":"@/late"}`, "there is no"},
	} {
		for _, m := range all {
			t.Run(strings.ReplaceAll(name, " ", "_")+"/"+m.Name, func(t *testing.T) {
				m.Reset(t, map[string]string{"here": "1", "folder/x": "1"})
				before := m.Snapshot(t)
				first := spec.Step{ID: "a", Type: config.stepType, Config: m.In(config.config), Timeout: brief(config.stepType)}
				second := spec.Step{ID: "b", Type: "command", Config: m.In(`{"run":"echo >@/second"}`)}
				got := m.Run(t, step.Apply, first, second)
				if got[0].Status != spec.StepFailed || !strings.Contains(got[0].Output, config.want) || got[0].Output == "" {
					t.Errorf("want a failure that speaks of %q, got %+v", config.want, got[0])
				}
				if got[1].Status != spec.StepSkipped {
					t.Errorf("the step behind it is %s", got[1].Status)
				}
				m.Unchanged(t, before, "a failure")
			})
		}
	}
}

// brief is the timeout of a type that waits.
func brief(stepType string) time.Duration {
	if stepType == "wait_for" || stepType == "mount" {
		return 3 * time.Second
	}
	return 0
}

func TestFileUpdateKeepsTheFirstBackup(t *testing.T) {
	for _, m := range machines(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, map[string]string{"etc/motd": "the distribution's"})
			before := m.Snapshot(t)
			for _, text := range []string{"one", "two"} {
				s := spec.Step{ID: "a", Type: "file", Config: m.In(`{"path":"@/etc/motd","content":"` + text + `"}`)}
				if got := m.Run(t, step.Apply, s)[0]; got.Status != spec.StepChanged {
					t.Fatalf("%+v", got)
				}
				if text == "two" {
					m.Run(t, step.Undo, s)
				}
			}
			m.Unchanged(t, before, "undo after an update")
		})
	}
}

func TestRerunOn(t *testing.T) {
	m := machines(t)[0]
	m.Reset(t, nil)
	for i, want := range []spec.StepStatus{spec.StepChanged, spec.StepSame, spec.StepChanged, spec.StepSame} {
		s := spec.Step{ID: "a", Type: "command", Config: m.In(
			fmt.Sprintf(`{"run":"echo >>@/log","creates":"@/log","rerun_on":{"v":%d}}`, i/2))}
		if got := m.Run(t, step.Apply, s)[0]; got.Status != want {
			t.Errorf("run %d: %+v, want %s", i, got, want)
		}
	}
	if got := m.Read(t, "log"); got != "\n\n" {
		t.Errorf("it ran %d times", len(got))
	}
}

func TestPackageNoLongerNamedIsRemoved(t *testing.T) {
	for _, m := range bare(machines(t)) {
		m.Reset(t, packages())
		for _, names := range []string{`["htop","vim","tmux"]`, `["vim"]`} {
			s := spec.Step{ID: "a", Type: "package", Config: json.RawMessage(`{"names":` + names + `}`)}
			if got := m.Run(t, step.Apply, s)[0]; got.Status != spec.StepChanged {
				t.Fatalf("%+v", got)
			}
		}
		names, err := os.ReadDir(filepath.Join(m.Root, "opt/apk"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range names {
			got = append(got, n.Name())
		}
		if diff := cmp.Diff([]string{"htop", "vim"}, got); diff != "" {
			t.Errorf("%s: %s", m.Name, diff)
		}
	}
}
