package step_test

import (
	"os"
	"os/exec"
	"testing"

	"viver/pacs/step/steptest"
)

// machines returns roots with this machine's tools and dash, with those and bash, and with nothing but busybox. Whoever is not root gets
// folders of this machine with dash and bash.
func machines(t *testing.T) []*steptest.Machine {
	t.Helper()
	var all []*steptest.Machine
	for _, shell := range [][]string{{"dash", "-s"}, {"bash", "--posix", "-s"}} {
		path, err := exec.LookPath(shell[0])
		switch {
		case err != nil && shell[0] == "dash" && os.Getenv("CI") == "true":
			t.Fatal("dash is missing: apt-get install dash")
		case err != nil:
		case os.Geteuid() != 0:
			all = append(all, steptest.NewFolder(t, shell[0], append([]string{path}, shell[1:]...)...))
		default:
			all = append(all, steptest.NewRoot(t, shell[0], t.TempDir(), append([]string{path}, shell[1:]...), programs, toolsRoot))
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil || os.Geteuid() != 0 {
		t.Logf("no machine with busybox: it needs root and busybox-static (%v)", err)
		return all
	}
	m := steptest.NewRoot(t, "busybox", t.TempDir(), []string{"/bin/sh", "-s"}, programs, busyboxRoot, busybox)
	m.Busybox = true
	return append(all, m)
}

// programs are the folders that these machines have their programs in.
var programs = []string{"bin", "sbin", "lib", "lib64", "usr"}

// The roots of machines.
const (
	toolsRoot = `mkdir usr && mount --rbind /usr usr
for d in bin sbin lib lib64; do
if [ -L /$d ]; then ln -s usr/$d $d; elif [ -d /$d ]; then mkdir $d && mount --rbind /$d $d; fi
done`
	busyboxRoot = `mkdir bin sbin && cp "$1" bin/busybox && chroot . /bin/busybox --install -s /bin`
)
