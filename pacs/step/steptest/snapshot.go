package steptest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keep copies what Reset brings back.
func (m *Machine) keep(t *testing.T) {
	t.Helper()
	m.pristine = t.TempDir()
	entries, err := os.ReadDir(m.Root)
	must(t, err)
	for _, e := range entries {
		if !slices.Contains(m.stays, e.Name()) {
			copyTree(t, m.path(e.Name()), m.pristine)
		}
	}
}

func copyTree(t *testing.T, from, into string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, into).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Reset brings the machine back to where it was first, and puts files there. A content of "-> x" makes a link to x; programs and
// services can be run.
func (m *Machine) Reset(t *testing.T, files map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(m.Root)
	must(t, err)
	for _, e := range entries {
		if !slices.Contains(m.stays, e.Name()) {
			must(t, os.RemoveAll(m.path(e.Name())))
		}
	}
	must(t, os.RemoveAll(m.path("var/lib/viver")))
	kept, err := os.ReadDir(m.pristine)
	must(t, err)
	for _, e := range kept {
		copyTree(t, filepath.Join(m.pristine, e.Name()), m.Root)
	}
	for name, text := range files {
		m.put(t, name, text)
	}
}

func (m *Machine) put(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(m.path(name)), 0o755))
	if target, ok := strings.CutPrefix(text, "-> "); ok {
		must(t, os.Symlink(target, m.path(name)))
		return
	}
	mode := fs.FileMode(0o644)
	switch {
	case strings.HasPrefix(name, "opt/bin/") || strings.HasPrefix(name, "etc/init.d/"):
		mode = 0o755
	case strings.HasSuffix(name, "shadow"):
		mode = 0o640
	}
	must(t, os.WriteFile(m.path(name), []byte(text), mode))
	must(t, os.Chmod(m.path(name), mode))
}

// Read returns a file's content, or a link's target behind "-> "; of "mount:/PATH" what is mounted there.
func (m *Machine) Read(t *testing.T, name string) string {
	t.Helper()
	if strings.HasPrefix(name, "mount:") {
		return m.mounts(t)[name]
	}
	if target, err := os.Readlink(m.path(name)); err == nil {
		return "-> " + target
	}
	data, err := os.ReadFile(m.path(name))
	must(t, err)
	return string(data)
}

// mounts returns what steps have mounted, each in the form "source type options".
func (m *Machine) mounts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	if m.holder == "" {
		return all
	}
	table, err := os.ReadFile("/proc/" + m.holder + "/mountinfo")
	must(t, err)
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		at, ok := strings.CutPrefix(f[4], m.Root+"/")
		if top, _, _ := strings.Cut(at, "/"); !ok || slices.Contains(m.stays, top) {
			continue
		}
		n := slices.Index(f, "-")
		all["mount:/"+at] = f[n+2] + " " + f[n+1] + " " + f[5]
	}
	return all
}

// passing are what tools leave for themselves.
var passing = []string{"run/mount", "run/openrc", "etc/init.d/.depend.boot", "etc/init.d/.depend.start", "etc/init.d/.depend.stop"}

// Snapshot describes everything on the machine but its programs and what viver remembers.
func (m *Machine) Snapshot(t *testing.T) map[string]string {
	t.Helper()
	all := m.mounts(t)
	must(t, filepath.WalkDir(m.Root, func(at string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(m.Root, at)
		switch {
		case err != nil || name == ".":
			return err
		case slices.Contains(m.stays, name), m.Prefix != "" && name == "var", slices.Contains(passing, name):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if info.Mode().IsRegular() || info.Mode().Type() == fs.ModeSymlink {
			text = m.Read(t, name)
		}
		all[name] = fmt.Sprintf("%s %q", info.Mode(), text)
		return nil
	}))
	return all
}

// Unchanged fails the test if the machine is not as it was before.
func (m *Machine) Unchanged(t *testing.T, before map[string]string, what string) {
	t.Helper()
	if diff := cmp.Diff(before, m.Snapshot(t)); diff != "" {
		t.Errorf("%s left another machine (-before +after):\n%s", what, diff)
	}
}
