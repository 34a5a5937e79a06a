package imagestore_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
)

// image is a small image of two chunks.
func image() (*spec.Manifest, map[string][]byte) {
	files := map[string][]byte{
		imagestore.FileRoot:   bytes.Repeat([]byte("root"), (spec.ChunkSize+4096)/4),
		imagestore.FileKernel: []byte("kernel"),
		imagestore.FileInitrd: []byte("initrd"),
	}
	root := files[imagestore.FileRoot]
	file := func(name string) spec.File {
		return spec.File{Size: int64(len(files[name])), SHA256: spec.DigestOf(files[name])}
	}
	return &spec.Manifest{
		Version: 1,
		Root: spec.Root{
			Size:   int64(len(root)),
			Chunks: []spec.Digest{spec.DigestOf(root[:spec.ChunkSize]), spec.DigestOf(root[spec.ChunkSize:])},
		},
		Files:         map[string]spec.File{"vmlinuz": file(imagestore.FileKernel), "initrd": file(imagestore.FileInitrd)},
		KernelRelease: "6.1.0", Architecture: "amd64", Distribution: "debian 12",
	}, files
}

func open(t *testing.T) *imagestore.Store {
	t.Helper()
	s, err := imagestore.Open(filepath.Join(t.TempDir(), "a", "store"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *imagestore.Store, m *spec.Manifest) *imagestore.Draft {
	t.Helper()
	d, err := s.Create(m)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func put(t *testing.T, s *imagestore.Store) spec.Digest {
	t.Helper()
	m, files := image()
	d := create(t, s, m)
	for name, data := range files {
		if err := d.Write(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	return d.ID()
}

func wantIDs(t *testing.T, s *imagestore.Store, want ...spec.Digest) {
	t.Helper()
	got, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images: %s", diff)
	}
}

// wantEmpty fails if anything but the store's lock is left in its folder.
func wantEmpty(t *testing.T, s *imagestore.Store) {
	t.Helper()
	entries, err := os.ReadDir(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".lock" {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestPutReadRemove(t *testing.T) {
	s := open(t)
	id := put(t, s)
	wantIDs(t, s, id)
	m, files := image()
	got, err := s.Manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Error(diff)
	}
	for name, want := range files {
		path, err := s.Path(id, name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if _, err := s.Create(m); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create again: %v", err)
	}
	if err := s.Remove(id); err != nil {
		t.Fatal(err)
	}
	wantEmpty(t, s)
}

func TestMissing(t *testing.T) {
	s := open(t)
	have := put(t, s)
	missing := spec.DigestOf([]byte("missing"))
	_, manifestErr := s.Manifest(missing)
	_, pathErr := s.Path(missing, imagestore.FileRoot)
	for _, err := range []error{manifestErr, pathErr, s.Remove(missing)} {
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), string(have[:19])) {
			t.Errorf("want fs.ErrNotExist and what there is, got %v", err)
		}
	}
	if _, err := s.Path(have, "../x"); err == nil {
		t.Error("a path out of the image was given")
	}
	if _, err := s.Manifest("sha256:../.."); err == nil {
		t.Error("an ID which is no digest was taken")
	}
	wantIDs(t, s, have)
}

func TestWriteRefuses(t *testing.T) {
	m, files := image()
	root := files[imagestore.FileRoot]
	changed := bytes.Clone(root)
	changed[spec.ChunkSize] ^= 1
	broken := errors.New("line is cut")
	for want, c := range map[string]struct {
		name string
		r    io.Reader
	}{
		"chunk 1 of 2: it has the digest": {imagestore.FileRoot, bytes.NewReader(changed)},
		"chunk 1 of 2: it ends after 96":  {imagestore.FileRoot, bytes.NewReader(root[:spec.ChunkSize+96])},
		"it goes on after the 266240":     {imagestore.FileRoot, bytes.NewReader(append(bytes.Clone(root), 0))},
		"vmlinuz: it ends after 0 of 6":   {imagestore.FileKernel, strings.NewReader("")},
		"initrd: it has the digest":       {imagestore.FileInitrd, strings.NewReader("INITRD")},
		"line is cut":                     {imagestore.FileInitrd, io.MultiReader(strings.NewReader("ini"), errReader{broken})},
		`no file "manifest.json"`:         {imagestore.FileManifest, strings.NewReader("")},
	} {
		s := open(t)
		d := create(t, s, m)
		if err := d.Write(c.name, c.r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
		if err := d.Commit(); err == nil || !strings.Contains(err.Error(), "was not written") {
			t.Errorf("commit after %q: %v", want, err)
		}
		wantEmpty(t, s)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestRetryAfterRefusal(t *testing.T) {
	s := open(t)
	m, files := image()
	d := create(t, s, m)
	if err := d.Write(imagestore.FileKernel, strings.NewReader("wrong!")); err == nil {
		t.Fatal("a wrong kernel was taken")
	}
	for name, data := range files {
		if err := d.Write(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, s, d.ID())
}

func TestTwoDraftsOfOneImage(t *testing.T) {
	s := open(t)
	m, files := image()
	late := create(t, s, m)
	for name, data := range files {
		if err := late.Write(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	id := put(t, s)
	if err := late.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second commit: %v", err)
	}
	if err := late.Write(imagestore.FileKernel, strings.NewReader("kernel")); err == nil {
		t.Error("a draft that has ended was written to")
	}
	wantIDs(t, s, id)
}

func TestOpenSweepsDeadDrafts(t *testing.T) {
	s := open(t)
	m, _ := image()
	alive := create(t, s, m)
	dead := filepath.Join(s.Dir(), ".draft-dead")
	if err := os.MkdirAll(filepath.Join(dead, "image"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := imagestore.Open(s.Dir()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the draft of a dead process is still there: %v", err)
	}
	if err := alive.Write(imagestore.FileKernel, strings.NewReader("kernel")); err != nil {
		t.Errorf("the draft of a living process is gone: %v", err)
	}
	if err := alive.Abort(); err != nil {
		t.Fatal(err)
	}
	wantEmpty(t, s)
}

func TestAdopt(t *testing.T) {
	s := open(t)
	m, files := image()
	for _, parent := range []string{"", "/dev/shm"} { // the second is another file system on most machines
		dir, err := os.MkdirTemp(parent, "imagestore")
		if err != nil {
			t.Skip(err)
		}
		defer os.RemoveAll(dir)
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		id, err := s.Adopt(m, dir)
		if err != nil {
			t.Fatal(err)
		}
		wantIDs(t, s, id)
		if err := s.Remove(id); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAdoptRefusesOther(t *testing.T) {
	s := open(t)
	m, files := image()
	dir := t.TempDir()
	for name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("kernel"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Adopt(m, dir); err == nil || !strings.Contains(err.Error(), "initrd: it has the digest") {
		t.Errorf("a wrong initrd was taken: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, imagestore.FileInitrd)); err != nil {
		t.Errorf("the refused file is gone: %v", err)
	}
	wantEmpty(t, s)
}
