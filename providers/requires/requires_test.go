package requires_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/planner/resource"
	"viver/providers/requires"
)

var needs = []resource.Requirement{
	{Pac: "pac.good", Distributions: []string{"debian", "alpine"}, Packages: []string{"nfs-utils"}, KernelModules: []string{"dm-mod", "ext4"}},
	{Pac: "pac.bad", Distributions: []string{"debian"}, Packages: []string{"it's-not"}, KernelModules: []string{"nfsd", "ext"}},
	{Packages: []string{"brought", "lost"}},
}

// tree makes a root with busybox, the database of a packager that is a script, and the modules of a kernel.
func tree(t *testing.T) string {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("busybox is missing: apt-get install busybox-static")
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for name, text := range map[string]string{
		"bin/busybox":                       string(program),
		"sbin/apk":                          "#!/bin/sh\n[ \"$3\" = nfs-utils ]\n",
		"etc/os-release":                    "NAME='Alpine Linux'\nID=alpine\n",
		"lib/modules/6.6.1/modules.dep":     "kernel/drivers/md/dm_mod.ko.gz: kernel/x/dax.ko\nkernel/fs/nfsd-not/x.ko:\n",
		"lib/modules/6.6.1/modules.builtin": "kernel/fs/ext4/ext4.ko\n",
		"dev/null":                          "",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, applet := range []string{"sh", "grep", "uname"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", applet)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func run(t *testing.T, script string, command ...string) map[int]error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Stdin = strings.NewReader("set -eu\n" + script)
	cmd.Env = []string{"PATH=/bin:/sbin:/usr/bin:/usr/sbin"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, script)
	}
	return requires.Unmet(string(out))
}

func TestTree(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for chroot")
	}
	unmet := run(t, requires.Script(requires.Place{Name: "image.desk", Kind: "image"}, needs, []string{"brought"}), "chroot", tree(t), "/bin/sh", "-s")
	var got []string
	for _, i := range slices.Sorted(maps.Keys(unmet)) {
		got = append(got, unmet[i].Error())
	}
	want := []string{strings.Join([]string{
		"pac.bad requires debian, and image.desk is alpine: use another one, or another Pac",
		"pac.bad requires the package it's-not, which image.desk has not got: add it to the packages of the image, or install it in the tree that it is made from",
		`pac.bad requires the kernel module nfsd, which the kernel of image.desk has not got: give the image another one, like kernel = "linux-image-amd64"`,
		`pac.bad requires the kernel module ext, which the kernel of image.desk has not got: give the image another one, like kernel = "linux-image-amd64"`,
	}, "\n"), "the configuration requires the package lost, which image.desk has not got: add it to the packages of the image, or install it in the tree that it is made from"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestHere looks on this machine, which has a shell and modules in its kernel that nothing else lists.
func TestHere(t *testing.T) {
	loaded, err := filepath.Glob("/sys/module/*")
	if err != nil || len(loaded) == 0 {
		t.Skip("no /sys/module here")
	}
	here := []resource.Requirement{{Pac: "pac.x", KernelModules: []string{strings.ReplaceAll(filepath.Base(loaded[0]), "_", "-")}}, {Pac: "pac.y", KernelModules: []string{"no_such_module"}, Distributions: []string{"none", "other"}}}
	unmet := run(t, requires.Script(requires.Place{Name: "server.seed", Kind: "server"}, here, nil), "/bin/sh", "-s")
	if len(unmet) != 1 || unmet[1] == nil || !strings.Contains(unmet[1].Error(), "pac.y requires none or other, and server.seed is ") ||
		!strings.Contains(unmet[1].Error(), "start it with a kernel that has it") {
		t.Errorf("%v", unmet)
	}
}
