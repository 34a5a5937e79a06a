package bootfiles_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/build/bootfiles"
)

// tree makes files; a content of "-> x" makes a link to x.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, at)
		} else {
			err = os.WriteFile(at, []byte(text), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestList(t *testing.T) {
	dir := tree(t, map[string]string{
		"bin":                                "-> usr/bin",
		"usr/bin/sh":                         "-> dash",
		"usr/bin/dash":                       "a shell",
		"usr/bin/perl":                       "",
		"usr/bin/logger":                     "#! /bin/perl -w\n",
		"usr/bin/game":                       "nobody starts it",
		"usr/bin/tool":                       "",
		"sbin/init":                          "-> /usr/lib/systemd/systemd",
		"usr/lib/systemd/systemd":            "init",
		"usr/lib/systemd/system/log.service": "[Service]\nExecStart=-/usr/bin/logger -x\nExecStop=@tool stop\nExecReload=/gone\n",
		"usr/lib/systemd/system/x.target.wants/log.service": "-> ../log.service",
		"etc/systemd/system/x.target.wants/out.service":     "-> ../out.service",
		"etc/systemd/system/x.target.wants/tty@1.service":   "-> /lib/systemd/system/tty@.service",
		"lib/systemd/system/tty@.service":                   "ExecStart=/usr/bin/tty %i\n",
		"usr/bin/tty":                                       "",
		"usr/bin/seldom":                                    "",
		"usr/lib/systemd/system/seldom.service":             "ExecStart=/usr/bin/seldom\n",
		"usr/lib/systemd/catalog/systemd.catalog":           "long",
		"usr/lib/udev/hwdb.d/20-pci.hwdb":                   "long",
		"usr/lib/udev/hwdb.bin":                             "short",
		"etc/a b/c":                                         "",
		"etc/passwd":                                        "-> /etc/shadow",
		"etc/ssh/moduli":                                    "long",
		"etc/systemd/system/out.service":                    "-> ../../../../../../../../etc/hosts",
		"usr/share/doc/x":                                   "",
		"usr/lib/modules/6.1/modules.dep.bin":               "",
		"usr/lib/modules/6.1/modules.dep":                   "",
	})
	got, err := bootfiles.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"etc/a b/c", "usr/bin/dash", "usr/bin/logger", "usr/bin/perl", "usr/bin/tool", "usr/bin/tty", "usr/lib/modules/6.1/modules.dep.bin",
		"usr/lib/systemd/system/log.service", "usr/lib/systemd/system/seldom.service", "usr/lib/systemd/systemd", "usr/lib/udev/hwdb.bin",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// This machine's own shell brings its linker and its libraries, by the way that the linker's settings say.
func TestLibraries(t *testing.T) {
	out, err := exec.Command("ldd", "/bin/sh").Output()
	if err != nil {
		t.Skipf("ldd /bin/sh: %v", err)
	}
	files := map[string]string{"etc/ld.so.conf.d/own.conf": "# ours\n/opt/own\n"}
	want := []string{"bin/sh"}
	for _, word := range strings.Fields(string(out)) {
		if filepath.IsAbs(word) {
			data, err := os.ReadFile(word)
			if err != nil {
				t.Fatal(err)
			}
			at := word[1:]
			if !strings.Contains(word, "ld-") { // the linker has its path in each program
				at = "opt/own/" + filepath.Base(word)
			}
			files[at] = string(data)
			want = append(want, at)
		}
	}
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	files["bin/sh"] = string(shell)
	got, err := bootfiles.List(tree(t, files))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s is missing in %q", name, got)
		}
	}
}

func TestNoTree(t *testing.T) {
	if _, err := bootfiles.List(filepath.Join(t.TempDir(), "gone")); err == nil {
		t.Error("a tree that is not there has files")
	}
	if got, err := bootfiles.List(t.TempDir()); len(got) != 0 || err != nil {
		t.Errorf("an empty tree: %q, %v", got, err)
	}
}

// Whatever calls itself a program is no reason to fail.
func FuzzProgram(f *testing.F) {
	f.Add([]byte("#!/bin/sh\n"))
	f.Add([]byte("\x7fELF\x02\x01\x01\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := bootfiles.List(tree(t, map[string]string{"sbin/init": string(data)})); err != nil {
			t.Error(err)
		}
	})
}

func TestCompressed(t *testing.T) {
	random := make([]byte, 300_000)
	if _, err := rand.NewChaCha8([32]byte{}).Read(random); err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string]string{"zeros": strings.Repeat("\x00", 1<<20), "random": string(random), "empty": ""})
	got, err := bootfiles.Compressed(dir, []string{"zeros", "random", "empty"})
	if err != nil || got < 300_000 || got > 310_000 {
		t.Errorf("%d bytes, %v", got, err)
	}
	if _, err := bootfiles.Compressed(dir, []string{"gone"}); err == nil {
		t.Error("a file that is not there has a size")
	}
}
