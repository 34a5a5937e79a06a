package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The same test holds on simulated machines and on those of a lab, and nothing is left of either.
func TestTestsInALab(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("rooms of virtual machines need root")
	}
	seed := filepath.Join(t.TempDir(), "seed")
	for _, more := range [][]string{nil, {"--lab"}} {
		viver := exec.CommandContext(t.Context(), "../../bin/viver", append([]string{"test", "-C", "testdata/tested", "--var", "data_dir=" + seed}, more...)...)
		out, err := viver.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "2 passed, 0 failed, 0 with errors, 0 skipped") {
			t.Fatalf("viver test %v: %v\n%s", more, err, out)
		}
		if _, err := os.Stat(seed); err == nil {
			t.Errorf("viver test %v has left %s", more, seed)
		}
	}
}
