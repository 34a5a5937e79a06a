package lockfile_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"viver/planner/source"
	"viver/planner/source/lockfile"
)

var (
	hash   = "h1:" + strings.Repeat("A", 43) + "="
	commit = strings.Repeat("0a", 20)
	digest = "sha256:" + strings.Repeat("0a", 32)
)

func lock() lockfile.Lock {
	l := lockfile.Lock{}
	for _, p := range []lockfile.Pac{
		{Origin: source.Origin{Scheme: "oci", Location: "example.org/web", Version: "~> 1.2"}, Tag: "v1.2.3", ID: digest, Hash: hash},
		{Origin: source.Origin{Scheme: "git", Location: "https://example.org/a.git", Ref: "main"}, ID: commit, Hash: hash},
	} {
		l[p.Origin] = p
	}
	return l
}

// The form is written down: files that exist must stay good.
func TestForm(t *testing.T) {
	want := `# Written by "viver init": which Pacs this configuration uses, to the byte. Keep it under version control.

pac "git::https://example.org/a.git?ref=main" {
  id   = "` + commit + `"
  hash = "` + hash + `"
}

pac "oci://example.org/web" {
  version = "~> 1.2"
  tag     = "v1.2.3"
  id      = "` + digest + `"
  hash    = "` + hash + `"
}
`
	if got := string(lock().Bytes()); got != want {
		t.Errorf("Bytes:\n%s\nwant:\n%s", got, want)
	}
}

func TestReadAndWrite(t *testing.T) {
	dir := t.TempDir()
	if l, err := lockfile.Read(dir); err != nil || len(l) != 0 {
		t.Errorf("no file: %v, %v", l, err)
	}
	if err := lock().Write(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := lockfile.Read(dir); err != nil || !reflect.DeepEqual(got, lock()) {
		t.Errorf("Read: %v, %v", got, err)
	}
	if err := (lockfile.Lock{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, lockfile.Name), []byte("pac {"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := lockfile.Read(dir); err == nil || !strings.Contains(err.Error(), "run viver init") {
		t.Errorf("a broken file: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	good := string(lock().Bytes())
	for name, text := range map[string]string{
		"no hash":       strings.Replace(good, hash, "h2:x", 1),
		"no id":         strings.Replace(good, commit, digest, 1),
		"belong":        strings.Replace(good, `"v1.2.3"`, `""`, 1),
		"no string":     strings.Replace(good, `"v1.2.3"`, `3`, 1),
		"means nothing": strings.Replace(good, "tag ", "tug ", 1),
		"twice":         good + good,
		"how viver":     strings.Replace(good, "?ref=main", "//sub?ref=main", 1),
		"malformed":     strings.Replace(good, "~> 1.2", "about 1", 1),
		"https, ssh or": strings.Replace(good, "https://", "ext://", 1),
		"no lock file":  strings.Repeat("[", 100000),
		"Unsupported":   "server \"x\" {}",
		"names no tag":  strings.Replace(good, `version = "~> 1.2"`, "", 1),
	} {
		if _, err := lockfile.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want an error with %q", err, name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(lock().Bytes())
	f.Add([]byte("pac \"oci://a/b:c\" {\n id = \"x\"\n}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := lockfile.Parse(data)
		if err != nil {
			return
		}
		again, err := lockfile.Parse(l.Bytes())
		if err != nil || !reflect.DeepEqual(l, again) {
			t.Errorf("%q became %v: %v", data, again, err)
		}
	})
}
