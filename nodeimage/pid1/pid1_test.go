package pid1

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"viver/nodeimage/pid1/network"
	"viver/nodeimage/spec"
)

func TestParseOptions(t *testing.T) {
	for line, want := range map[string]options{
		"":                             {},
		"quiet console=ttyS0\n":        {},
		"viver.mac=52:54:00:AB:CD:EF":  {boot: "52:54:00:ab:cd:ef"},
		"BOOTIF=01-52-54-00-12-34-56":  {boot: "52:54:00:12:34:56"},
		"init=/bin/sh viver.overlay=9": {init: "/bin/sh", overlay: 9},
		// what iPXE was told counts, wherever it stands
		"viver.mac=52:54:00:12:34:56 BOOTIF=01-00-00-00-00-00-01": {boot: "52:54:00:12:34:56"},
		"BOOTIF=01-00-00-00-00-00-01 viver.mac=52:54:00:12:34:56": {boot: "52:54:00:12:34:56"},
		`x="a init=/no b" "viver.overlay=20" -- init=/no`:         {overlay: 20},
	} {
		got, problems := parseOptions(line)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{})); diff != "" || len(problems) > 0 {
			t.Errorf("%q: %v %s", line, problems, diff)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, word := range []string{"viver.mac=eth0", "viver.mac=", "BOOTIF=01-52", "viver.overlay=0", "viver.overlay=100", "viver.overlay=half"} {
		got, problems := parseOptions(word)
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), word) {
			t.Errorf("%s: %v", word, problems)
		}
		if diff := cmp.Diff(options{}, got, cmp.AllowUnexported(options{})); diff != "" {
			t.Errorf("%s: %s", word, diff)
		}
	}
}

func FuzzParseOptions(f *testing.F) {
	f.Add(`a="b c" viver.overlay=20 -- x`)
	f.Fuzz(func(t *testing.T, line string) {
		o, _ := parseOptions(line)
		if o.overlay < 0 || o.overlay > 95 || o.boot != "" && len(o.boot) != 17 {
			t.Errorf("%q: %+v", line, o)
		}
	})
}

func TestRootMounts(t *testing.T) {
	var lines []string
	for _, m := range rootMounts("/dev/nbd0", space{bytes: 40 << 20, files: 10240}) {
		lines = append(lines, strings.Join([]string{m.kind, m.source, m.target, m.data}, " "))
	}
	want := []string{
		"squashfs /dev/nbd0 /run/viver/lower ",
		"tmpfs tmpfs /run/viver/space mode=0755,size=41943040,nr_inodes=10240",
		"overlay overlay /newroot lowerdir=/run/viver/lower,upperdir=/run/viver/space/upper,workdir=/run/viver/space/work,index=on,nfs_export=on",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// initrd is what the kernel unpacks for a machine.
func initrd(t *testing.T) fstest.MapFS {
	t.Helper()
	f := spec.File{Size: 1, SHA256: spec.DigestOf(nil)}
	m := spec.Manifest{
		Version: 1, Root: spec.Root{Size: 4096, Chunks: []spec.Digest{spec.DigestOf(nil)}},
		Files: map[string]spec.File{"vmlinuz": f, "initrd": f},
	}
	manifest, id, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := json.Marshal(spec.Bundle{Version: 1, Cluster: "c0ffee", Image: id})
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"viver/bundle.json": {Data: bundle}, "viver/manifest.json": {Data: manifest}}
}

func TestReadCluster(t *testing.T) {
	got, err := readCluster(initrd(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.bundle.Cluster != "c0ffee" || got.manifest.Root.Size != 4096 {
		t.Errorf("%+v", got)
	}
	for want, spoil := range map[string]func(fstest.MapFS){
		"must load bundle.cpio": func(m fstest.MapFS) { delete(m, "viver/bundle.json") },
		"image manifest":        func(m fstest.MapFS) { delete(m, "viver/manifest.json") },
		"not the image's ID":    func(m fstest.MapFS) { m["viver/manifest.json"].Data[0] = ' ' },
		"unknown field":         func(m fstest.MapFS) { m["viver/bundle.json"].Data = []byte(`{"x":1}`) },
		"has version 2":         func(m fstest.MapFS) { m["viver/bundle.json"].Data = []byte(`{"version":2}`) },
	} {
		m := initrd(t)
		spoil(m)
		if _, err := readCluster(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestStages(t *testing.T) {
	var s stages
	s.reached(spec.StageNetwork)
	at := s[0].at
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := []spec.StageTime{{Stage: spec.StageNetwork, At: now.Add(-time.Minute)}}
	if diff := cmp.Diff(want, s.times(now, at+time.Minute)); diff != "" {
		t.Error(diff)
	}
}

// tree makes a root: files by name, programs by name*, links by "name -> target".
func tree(t *testing.T, names ...string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		name, target, link := strings.Cut(name, " -> ")
		name, program := strings.CutSuffix(name, "*")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if program {
			mode = 0o755
		}
		var err error
		if link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, nil, mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestFindInit(t *testing.T) {
	for name, tc := range map[string]struct {
		tree   []string
		wanted string
		want   string // or what the error says
	}{
		"debian":               {[]string{"usr/lib/systemd/systemd*", "usr/sbin/init -> ../lib/systemd/systemd", "sbin -> usr/sbin"}, "", "/sbin/init"},
		"absolute links":       {[]string{"usr/bin/busybox*", "bin -> /usr/bin", "sbin/init -> /bin/busybox"}, "", "/sbin/init"},
		"no link to it":        {[]string{"usr/lib/systemd/systemd*"}, "", "/usr/lib/systemd/systemd"},
		"command line":         {[]string{"sbin/init*", "bin/sh*"}, "/bin/sh", "/bin/sh"},
		"none":                 {[]string{"etc/passwd"}, "", "the image has no init"},
		"no program":           {[]string{"sbin/init"}, "", "the image has no init"},
		"a dangling link":      {[]string{"sbin/init -> /lib/systemd/systemd"}, "", "the image has no init"},
		"a link to itself":     {[]string{"sbin/init -> init"}, "", "the image has no init"},
		"a link out":           {[]string{"sbin/init -> ../../../../../../../bin/sh"}, "", "the image has no init"},
		"command line, wrong":  {[]string{"sbin/init*"}, "/bin/sh", "init=/bin/sh"},
		"a folder of the name": {[]string{"sbin/init/x"}, "", "the image has no init"},
	} {
		got, err := findInit(tree(t, tc.tree...), tc.wanted)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

func personalMachine(t *testing.T) *machine {
	t.Helper()
	_, private, err := newHostKey()
	if err != nil {
		t.Fatal(err)
	}
	return &machine{
		lease:    network.Lease{Domain: "lab.example"},
		admitted: admitted{hostKey: private, response: &spec.JoinResponse{Node: spec.NodeSpec{Name: "pc01"}}},
	}
}

func TestPersonal(t *testing.T) {
	m := personalMachine(t)
	if err := json.Unmarshal([]byte(`{"dns":["10.20.0.1"]}`), &m.lease); err != nil {
		t.Fatal(err)
	}
	root := tree(t, "etc/ssh/sshd_config", "etc/resolv.conf -> /run/systemd/resolve/stub-resolv.conf", "etc/hostname")
	if errs := m.personal(root); len(errs) > 0 {
		t.Fatal(errs)
	}
	for name, want := range map[string]string{
		"etc/hostname": "pc01\n", "etc/resolv.conf": "search lab.example\nnameserver 10.20.0.1\n", "etc/ssh/ssh_host_ed25519_key": m.hostKey,
	} {
		if got, err := root.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	line, err := root.ReadFile("etc/ssh/ssh_host_ed25519_key.pub")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey(line); err != nil {
		t.Error(err)
	}
	if info, err := root.Stat("etc/ssh/ssh_host_ed25519_key"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("host key: %v, %v", info, err)
	}
}

func TestPersonalLeavesAlone(t *testing.T) {
	root := tree(t, "etc/ssh/ssh_host_rsa_key", "etc/resolv.conf", "bin/sh*")
	if errs := personalMachine(t).personal(root); len(errs) > 0 {
		t.Fatal(errs)
	}
	if _, err := root.Lstat("etc/ssh/ssh_host_ed25519_key"); err == nil {
		t.Error("an image's own host keys were added to")
	}
	if got, err := root.ReadFile("etc/resolv.conf"); err != nil || len(got) > 0 {
		t.Errorf("resolv.conf changed to %q without a DNS server, %v", got, err)
	}
	bare := tree(t, "bin/sh*")
	if errs := personalMachine(t).personal(bare); len(errs) > 0 {
		t.Errorf("a root without /etc: %v", errs)
	}
}

func TestSpareFromKillall(t *testing.T) {
	const list = "run/sendsigs.omit.d/viver"
	sysvinit, other := tree(t, "etc/init.d/sendsigs*"), tree(t, "etc/hostname")
	for _, root := range []*os.Root{sysvinit, other} {
		if err := SpareFromKillall(root.Name()); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := sysvinit.ReadFile(list); err != nil || len(got) > 0 {
		t.Errorf("no process of viver runs here, but %q is to be spared (%v)", got, err)
	}
	if _, err := other.Stat(list); err == nil {
		t.Error("written where nobody reads it")
	}
}

func TestCommand(t *testing.T) {
	for word, want := range map[string]int{
		"poweroff": unix.LINUX_REBOOT_CMD_POWER_OFF, "reboot": unix.LINUX_REBOOT_CMD_RESTART, "halt": unix.LINUX_REBOOT_CMD_HALT,
		"kexec": unix.LINUX_REBOOT_CMD_KEXEC, "": unix.LINUX_REBOOT_CMD_POWER_OFF,
	} {
		if got := command(word); got != want {
			t.Errorf("%q is %#x, want %#x", word, got, want)
		}
	}
}
