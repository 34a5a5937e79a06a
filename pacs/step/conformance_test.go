package step_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/spec"
	"viver/pacs/step"
)

// example is one step that every type must have at least one of: it goes through the same suite on every machine.
type example struct {
	stepType string
	config   string // @ is the machine's prefix
	root     bool   // needs a machine of its own, as it touches what is not below the prefix
	tools    bool   // needs a machine with other tools than busybox, whose shell takes nobody else's modprobe than its own
	fake     bool   // needs the init and the package manager that only one machine has
	before   map[string]string
	// after are files that the step brings about; "" is a file that is not there.
	after map[string]string
	keeps bool // undo leaves something, on purpose
}

// hash is that of the password "viver", by SHA-512 with the salt "salt".
const hash = "$6$salt$FjXmXAM6BG6UF7uEFA9MxZbjU9jM9..E2rMc5tTtsEZUwtZzjgqDKr7J9dwpkpkjZwGYY4d5xNMTVVGSqzX8e1"

func examples() map[string]example {
	return map[string]example{
		"file, new": {
			stepType: "file",
			config:   `{"path":"@/etc/motd","content":"hello 'pc01'\n","mode":"0600"}`,
			after:    map[string]string{"etc/motd": "hello 'pc01'\n"},
		},
		"file, any bytes": {
			stepType: "file",
			config:   `{"path":"@/a b/it's $(odd)","content":"\u0000\u0001'\"\\$(id)` + "`id`" + `\r\n%s é\n\n"}`,
			after:    map[string]string{"a b/it's $(odd)": "\x00\x01'\"\\$(id)`id`\r\n%s é\n\n"},
		},
		"file, empty":     {stepType: "file", config: `{"path":"@/empty","content":""}`, after: map[string]string{"empty": ""}},
		"file, in deeper": {stepType: "file", config: `{"path":"@/x/y/z","content":"1"}`, after: map[string]string{"x/y/z": "1"}},
		"file, over another": {
			stepType: "file",
			config:   `{"path":"@/etc/hostname","content":"pc01\n"}`,
			before:   map[string]string{"etc/hostname": "debian\n"},
			after:    map[string]string{"etc/hostname": "pc01\n"},
		},
		"file, over a link": {
			stepType: "file",
			config:   `{"path":"@/etc/resolv.conf","content":"nameserver ::1\n"}`,
			before:   map[string]string{"etc/resolv.conf": "-> /nowhere"},
			after:    map[string]string{"etc/resolv.conf": "nameserver ::1\n"},
		},
		"link": {stepType: "link", config: `{"path":"@/etc/it's/a link","target":"../b c"}`, after: map[string]string{"etc/it's/a link": "-> ../b c"}},
		"link, over a file": {
			stepType: "link", config: `{"path":"@/x","target":"/dev/null"}`,
			before: map[string]string{"x": "kept"}, after: map[string]string{"x": "-> /dev/null"},
		},
		"link, over a link to a folder": {
			stepType: "link", config: `{"path":"@/x","target":"/tmp"}`,
			before: map[string]string{"x": "-> /srv", "srv/y": ""}, after: map[string]string{"x": "-> /tmp"},
		},
		"directory, new": {stepType: "directory", config: `{"path":"@/srv/a/b","mode":"1777"}`},
		"directory, there already": {
			stepType: "directory",
			config:   `{"path":"@/srv","mode":"0700"}`,
			before:   map[string]string{"srv/x": "kept"},
		},
		"command with creates": {
			stepType: "command",
			config:   `{"run":"printf 1 >>@/made","creates":"@/made","undo":"rm @/made"}`,
			after:    map[string]string{"made": "1"},
		},
		"command with check": {
			stepType: "command",
			config:   `{"run":"printf 'it'\"'\"'s' >>@/made","check":"test -s @/made","undo":"rm @/made"}`,
			after:    map[string]string{"made": "it's"},
		},
		"command without guard": {
			stepType: "command",
			config:   `{"run":"printf 1 >>@/made\ncat","rerun_on":["v1"]}`,
			after:    map[string]string{"made": "1"},
			keeps:    true,
		},
		"fact":   {stepType: "fact", config: `{"run":"echo 7"}`},
		"secret": {stepType: "secret", config: `{"run":"echo 7"}`},
		"sysctl": {
			stepType: "sysctl",
			root:     true,
			config:   `{"name":"net.ipv4.ip_local_port_range","value":"20000   30000"}`,
			after: map[string]string{
				"etc/sysctl.d/90-viver-net.ipv4.ip_local_port_range.conf": "net.ipv4.ip_local_port_range = 20000 30000\n",
			},
		},
		"sysctl, with a dot": {stepType: "sysctl", root: true, config: `{"name":"net/ipv4/conf/lo/forwarding","value":"1"}`},
		"kernel_module": {
			stepType: "kernel_module",
			tools:    true,
			config:   `{"name":"zram-x","options":["num_devices=2","x=/a"]}`,
			after: map[string]string{
				"sys/module/zram_x/parameters/num_devices": "2\n",
				"etc/modules-load.d/viver-zram_x.conf":     "zram_x\n",
				"etc/modprobe.d/viver-zram_x.conf":         "options zram_x num_devices=2 x=/a\n",
			},
		},
		"kernel_module, there already": {
			stepType: "kernel_module",
			tools:    true,
			config:   `{"name":"loop","options":["max_loop=9"]}`,
			before:   map[string]string{"sys/module/loop/parameters/max_loop": "8\n"},
			after:    map[string]string{"sys/module/loop/parameters/max_loop": "9\n"},
		},
		"wait_for": {stepType: "wait_for", config: `{"path":"@/tmp"}`},
		"group": {stepType: "group", root: true, config: `{"name":"pupils","gid":5000}`, after: map[string]string{
			"etc/group": accounts["group"] + "pupils:x:5000:\n", "etc/gshadow": accounts["gshadow"] + "pupils:!::\n",
		}},
		"group, any number": {stepType: "group", root: true, config: `{"name":"pupils"}`, after: map[string]string{
			"etc/group": accounts["group"] + "pupils:x:1000:\n",
		}},
		"group, there already": {stepType: "group", root: true, config: `{"name":"audio","gid":63}`, after: map[string]string{
			"etc/group": "root:x:0:\ndaemon:x:1:\naudio:x:63:daemon\n", "etc/gshadow": accounts["gshadow"],
		}},
		"user": {
			stepType: "user",
			root:     true,
			config:   `{"name":"ada","uid":2000,"groups":["audio"],"home":"/srv/people/ada","shell":"/bin/sh","password_hash":"` + hash + `"}`,
			after: map[string]string{
				"etc/passwd":              accounts["passwd"] + "ada:x:2000:2000::/srv/people/ada:/bin/sh\n",
				"etc/shadow":              accounts["shadow"] + "ada:" + hash + ":::::::\n",
				"etc/group":               "root:x:0:\ndaemon:x:1:\naudio:x:29:daemon,ada\nada:x:2000:\n",
				"etc/gshadow":             "root:*::\ndaemon:*::\naudio:*::daemon,ada\nada:!::\n",
				"srv/people/ada/.profile": "umask 022\n",
			},
		},
		"user, a service's": {
			stepType: "user",
			root:     true,
			config:   `{"name":"munge","group":"daemon","home":"/var/lib/munge","system":true}`,
			after:    map[string]string{"etc/shadow": accounts["shadow"] + "munge:*:::::::\n", "etc/group": accounts["group"]},
		},
		"user, there already": {
			stepType: "user",
			root:     true,
			config:   `{"name":"daemon","uid":7,"shell":"/bin/sh","password_hash":"!","create_home":false}`,
			after: map[string]string{
				"etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:7:1:daemon:/usr/sbin:/bin/sh\n",
				"etc/shadow": "root:*:19000:0:99999:7:::\ndaemon:!:19000:0:99999:7:::\n",
			},
		},
		"mount": {
			stepType: "mount",
			root:     true,
			config:   `{"path":"/srv/a b/c","source":"scratch","type":"tmpfs","options":["nosuid","noatime","size=1m"]}`,
			after:    map[string]string{`mount:/srv/a\040b/c`: "scratch tmpfs rw,nosuid,noatime"},
		},
		"mount, another place read-only": {
			stepType: "mount",
			root:     true,
			config:   `{"path":"/mnt","source":"/srv","options":["bind","ro"]}`,
			before:   map[string]string{"mnt/x": "", "srv/y": ""},
		},
		"mount, in fstab": {
			stepType: "mount",
			root:     true,
			config:   `{"path":"/scratch","source":"tmpfs","type":"tmpfs","persistent":true}`,
			before:   map[string]string{"etc/fstab": "# here\n/dev/sda1 / ext4 defaults 0 1\n"},
			after: map[string]string{
				"etc/fstab":      "# here\n/dev/sda1 / ext4 defaults 0 1\ntmpfs /scratch tmpfs defaults 0 0\n",
				"mount:/scratch": "tmpfs tmpfs rw,relatime",
			},
		},
		"service": {
			stepType: "service",
			fake:     true,
			config:   `{"name":"demo","enabled":true,"running":true}`,
			after:    map[string]string{"run/demo.pid": "1\n", "etc/rc2.d/S01demo": "-> ../init.d/demo"},
		},
		"package": {
			stepType: "package",
			fake:     true,
			config:   `{"names":["htop","nfs-utils"]}`,
			before:   map[string]string{"opt/apk/htop": ""},
			after:    map[string]string{"opt/apk/nfs-utils": ""},
		},
	}
}

// TestConformance holds each type to the same promises: a check changes nothing and sees what is missing, a second apply changes
// nothing, a check then says same, and undo brings back what was there before.
func TestConformance(t *testing.T) {
	covered, all := map[string]bool{}, machines(t)
	for name, e := range examples() {
		covered[e.stepType] = true
		for _, m := range all {
			if (e.root || e.tools) && m.prefix != "" || e.tools && m.fake || e.fake && !m.fake {
				continue
			}
			t.Run(strings.ReplaceAll(name, " ", "_")+"/"+m.name, func(t *testing.T) { conform(t, m, e) })
		}
	}
	for _, s := range step.Types() {
		if !covered[s.Name] {
			t.Errorf("no example for the type %s", s.Name)
		}
	}
}

func conform(t *testing.T, m *machine, e example) {
	m.reset(t, e.before)
	s := spec.Step{ID: "step." + e.stepType + ".it", Type: e.stepType, Config: m.in(e.config)}
	expect := func(mode string, want ...spec.StepStatus) spec.StepResult {
		t.Helper()
		r := m.run(t, mode, s)[0]
		if !slices.Contains(want, r.Status) {
			t.Fatalf("%s: got %+v, want %v", mode, r, want)
		}
		return r
	}
	before := m.snapshot(t)
	if e.stepType == "wait_for" {
		expect(step.Check, spec.StepSame)
		expect(step.Apply, spec.StepSame)
		unchanged(t, m, before, "waiting")
		return
	}
	if e.stepType == "fact" || e.stepType == "secret" {
		if got := expect(step.Apply, spec.StepSame); got.Output != "7" {
			t.Errorf("the fact has the value %q", got.Output)
		}
		return
	}
	if r := expect(step.Check, spec.StepDiffers); r.Diff == "" {
		t.Error("it differs, and does not say in what")
	}
	unchanged(t, m, before, "a check")
	expect(step.Apply, spec.StepChanged)
	for name, want := range e.after {
		if got := m.read(t, name); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	after := m.snapshot(t)
	expect(step.Check, spec.StepSame)
	expect(step.Apply, spec.StepSame)
	unchanged(t, m, after, "a second apply")
	expect(step.Undo, spec.StepUndone)
	if !e.keeps {
		unchanged(t, m, before, "apply and undo")
		expect(step.Undo, spec.StepUndone)
		unchanged(t, m, before, "a second undo")
	}
}

func unchanged(t *testing.T, m *machine, before map[string]string, what string) {
	t.Helper()
	if diff := cmp.Diff(before, m.snapshot(t)); diff != "" {
		t.Errorf("%s left another machine (-before +after):\n%s", what, diff)
	}
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
	} {
		for _, m := range all {
			t.Run(strings.ReplaceAll(name, " ", "_")+"/"+m.name, func(t *testing.T) {
				m.reset(t, map[string]string{"here": "1", "folder/x": "1"})
				before := m.snapshot(t)
				first := spec.Step{ID: "a", Type: config.stepType, Config: m.in(config.config)}
				second := spec.Step{ID: "b", Type: "command", Config: m.in(`{"run":"echo >@/second"}`)}
				got := m.run(t, step.Apply, first, second)
				if got[0].Status != spec.StepFailed || !strings.Contains(got[0].Output, config.want) || got[0].Output == "" {
					t.Errorf("want a failure that speaks of %q, got %+v", config.want, got[0])
				}
				if got[1].Status != spec.StepSkipped {
					t.Errorf("the step behind it is %s", got[1].Status)
				}
				unchanged(t, m, before, "a failure")
			})
		}
	}
}

func TestFileUpdateKeepsTheFirstBackup(t *testing.T) {
	for _, m := range machines(t) {
		t.Run(m.name, func(t *testing.T) {
			m.reset(t, map[string]string{"etc/motd": "the distribution's"})
			before := m.snapshot(t)
			for _, text := range []string{"one", "two"} {
				s := spec.Step{ID: "a", Type: "file", Config: m.in(`{"path":"@/etc/motd","content":"` + text + `"}`)}
				if got := m.run(t, step.Apply, s)[0]; got.Status != spec.StepChanged {
					t.Fatalf("%+v", got)
				}
				if text == "two" {
					m.run(t, step.Undo, s)
				}
			}
			unchanged(t, m, before, "undo after an update")
		})
	}
}

func TestRerunOn(t *testing.T) {
	m := machines(t)[0]
	m.reset(t, nil)
	for i, want := range []spec.StepStatus{spec.StepChanged, spec.StepSame, spec.StepChanged, spec.StepSame} {
		s := spec.Step{ID: "a", Type: "command", Config: m.in(
			fmt.Sprintf(`{"run":"echo >>@/log","creates":"@/log","rerun_on":{"v":%d}}`, i/2))}
		if got := m.run(t, step.Apply, s)[0]; got.Status != want {
			t.Errorf("run %d: %+v, want %s", i, got, want)
		}
	}
	if got := m.read(t, "log"); got != "\n\n" {
		t.Errorf("it ran %d times", len(got))
	}
}

func TestPackageNoLongerNamedIsRemoved(t *testing.T) {
	for _, m := range machines(t) {
		if !m.fake {
			continue
		}
		m.reset(t, map[string]string{"opt/apk/htop": ""})
		for _, names := range []string{`["htop","vim","tmux"]`, `["vim"]`} {
			s := spec.Step{ID: "a", Type: "package", Config: json.RawMessage(`{"names":` + names + `}`)}
			if got := m.run(t, step.Apply, s)[0]; got.Status != spec.StepChanged {
				t.Fatalf("%+v", got)
			}
		}
		names, err := os.ReadDir(filepath.Join(m.root, "opt/apk"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range names {
			got = append(got, n.Name())
		}
		if diff := cmp.Diff([]string{"htop", "vim"}, got); diff != "" {
			t.Errorf("%s: %s", m.name, diff)
		}
	}
}
