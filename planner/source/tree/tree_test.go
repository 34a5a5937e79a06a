package tree_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"viver/planner/source/tree"
)

// folder writes a folder: "x" a file, "x!" an executable file, "x>y" a link to y.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name, target, isLink := strings.Cut(name, ">")
		name, exec := strings.CutSuffix(name, "!")
		file := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		switch {
		case isLink:
			must(t, os.Symlink(target, file))
		case exec:
			must(t, os.WriteFile(file, []byte(text), 0o700))
		default:
			must(t, os.WriteFile(file, []byte(text), 0o600))
		}
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hash(t *testing.T, dir string) string {
	t.Helper()
	h, err := tree.Hash(dir)
	must(t, err)
	return h
}

// The value is written down: lock files that exist must stay good.
func TestHashStays(t *testing.T) {
	dir := folder(t, map[string]string{"pac.viver.hcl": "# a\n", "bin/run!": "#!/bin/sh\n", "lib/run>../bin/run": ""})
	if got, want := hash(t, dir), "h1:nhOfVpzMmVKtagepOYFdpt3PkUwzZxfYpDw7rHBCCfQ="; got != want {
		t.Errorf("Hash = %s, want %s", got, want)
	}
}

func TestHashSeesWhatCounts(t *testing.T) {
	base := map[string]string{"a": "1", "b/c": "2", "l>a": ""}
	was := hash(t, folder(t, base))
	same := folder(t, base)
	must(t, os.Mkdir(filepath.Join(same, "empty"), 0o755))
	must(t, os.Chmod(filepath.Join(same, "a"), 0o644))
	if hash(t, same) != was {
		t.Error("an empty folder, or a mode, made another hash")
	}
	for name, files := range map[string]map[string]string{
		"content": {"a": "2", "b/c": "2", "l>a": ""},
		"name":    {"A": "1", "b/c": "2", "l>a": ""},
		"folder":  {"a": "1", "c": "2", "l>a": ""},
		"mode":    {"a!": "1", "b/c": "2", "l>a": ""},
		"link":    {"a": "1", "b/c": "2", "l>b": ""},
		"kind":    {"a": "1", "b/c": "2", "l": "a"},
		"fewer":   {"a": "1", "b/c": "2"},
		"more":    {"a": "1", "b/c": "2", "l>a": "", "d": ""},
	} {
		if hash(t, folder(t, files)) == was {
			t.Errorf("another %s made the same hash", name)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, want := range map[string]string{
		"l>/etc/passwd": "out of the folder",
		"l>../x":        "out of the folder",
		"d/l>../../x":   "out of the folder",
		"d/l>x/../y":    "out of the folder",
		"d/l>./y":       "out of the folder",
		"l>":            "",
		"a\nb":          "cannot be used",
		`a\b`:           "cannot be used",
		"x/.git/config": "belongs to git",
		"x/.GIT":        "belongs to git",
	} {
		if want == "" {
			continue
		}
		_, err := tree.Hash(folder(t, map[string]string{name: ""}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", name, err, want)
		}
	}
	for _, name := range []string{"d/l>../x", "d/e/l>../..", "l>d/x", "d/l>x"} {
		if _, err := tree.Hash(folder(t, map[string]string{name: "", "d/e/x": "", "d/x": "", "x": ""})); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	dir := t.TempDir()
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	if _, err := tree.Hash(dir); err == nil || !strings.Contains(err.Error(), "neither a file nor a link") {
		t.Errorf("a pipe: %v", err)
	}
	if _, err := tree.Hash(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	big, err := os.Create(filepath.Join(dir, "big"))
	must(t, err)
	must(t, big.Truncate(tree.MaxBytes+1))
	must(t, big.Close())
	if _, err := tree.Hash(dir); err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Errorf("a large file: %v", err)
	}
	many := map[string]string{}
	for i := range tree.MaxFiles + 1 {
		many[strings.Repeat("x", i%100+1)+"/"+strings.Repeat("y", i/100+1)] = ""
	}
	if _, err := tree.Hash(folder(t, many)); err == nil || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("many files: %v", err)
	}
}

func TestCopy(t *testing.T) {
	from := folder(t, map[string]string{"a": "1", "b/c!": "2", "b/l>../a": ""})
	to := t.TempDir()
	must(t, tree.Copy(from, to))
	if hash(t, from) != hash(t, to) {
		t.Error("the copy has another hash")
	}
}

func TestWriterStaysWithin(t *testing.T) {
	outside := t.TempDir()
	for _, e := range []tree.Entry{
		{Name: "../x", Kind: tree.File},
		{Name: "/x", Kind: tree.File},
		{Name: "a/../../x", Kind: tree.File},
		{Name: "l", Kind: tree.Link, Link: outside},
		{Name: "", Kind: tree.File},
		{Name: "neg", Kind: tree.File, Size: -1},
		{Name: "big", Kind: tree.File, Size: tree.MaxBytes + 1},
		{Name: "short", Kind: tree.File, Size: 9},
	} {
		w, err := tree.NewWriter(t.TempDir())
		must(t, err)
		if err := w.Add(e, strings.NewReader("text")); err == nil {
			t.Errorf("%+v was written", e)
		}
		must(t, w.Close())
	}
	w, err := tree.NewWriter(t.TempDir())
	must(t, err)
	defer w.Close()
	must(t, w.Add(tree.Entry{Name: "a", Kind: tree.File, Size: 4}, strings.NewReader("text")))
	if err := w.Add(tree.Entry{Name: "a", Kind: tree.File, Size: 4}, strings.NewReader("text")); err == nil {
		t.Error("a name was written twice")
	}
}

func TestReplace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pacs", "x")
	write := func(text string, end error) error {
		return tree.Replace(dir, func(empty string) error {
			return errors.Join(os.WriteFile(filepath.Join(empty, "f"), []byte(text), 0o644), end)
		})
	}
	must(t, write("1", nil))
	must(t, write("2", nil))
	broken := errors.New("broken")
	if err := write("3", broken); !errors.Is(err, broken) {
		t.Errorf("Replace: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(data) != "2" {
		t.Errorf("the folder has %q, %v", data, err)
	}
	if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 1 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
