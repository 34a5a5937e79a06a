package agent

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
)

// store puts an image with this kernel into a server's store, as if at this time.
func store(t *testing.T, s *server, kernel string, added time.Time) spec.Digest {
	t.Helper()
	m, _, payload := image()
	m.Files["vmlinuz"] = spec.File{Size: int64(len(kernel)), SHA256: spec.DigestOf([]byte(kernel))}
	d, err := s.images.Create(m)
	if err != nil {
		t.Fatal(err)
	}
	root := payload[len("initrd!")+len("kernel"):]
	for name, data := range map[string][]byte{"initrd": []byte("initrd!"), "vmlinuz": []byte(kernel), imagestore.FileRoot: root} {
		if err := d.Write(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	path, err := s.images.Path(d.ID(), imagestore.FileManifest)
	if err == nil {
		err = os.Chtimes(path, added, added)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d.ID()
}

// idleServer is a server that does not run.
func idleServer(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	newAuthority().identify(t, dir)
	ssh, join := listenLocal(t, "127.0.0.1:0"), listenLocal(t, "127.0.0.1:0")
	t.Cleanup(func() { ssh.Close(); join.Close() })
	s, err := newServer(ServerConfig{Dir: dir, SSH: ssh, Join: join, Unit: unitProcess, Interfaces: nowhere})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFormerImagesAreRemoved(t *testing.T) {
	s := idleServer(t)
	now := time.Now()
	age := func(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }
	oldest, older := store(t, s, "oldest", age(9)), store(t, s, "older", age(8))
	booted, served := store(t, s, "booted", age(7)), store(t, s, "served", age(6))
	newest := store(t, s, "newest", age(5))
	if _, err := s.roster.PutNode(spec.NodeSpec{Name: "pc01", Image: booted}); err != nil {
		t.Fatal(err)
	}
	config, _ := json.Marshal(map[string][]spec.Digest{"images": {served}})
	if _, err := s.units.Put(t.Context(), spec.UnitSpec{Name: "nbd", Type: "nbd", Config: config}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.units.Stop)
	expect := func(after time.Duration, want ...spec.Digest) {
		t.Helper()
		if err := s.collect(now.Add(after)); err != nil {
			t.Fatal(err)
		}
		got := map[spec.Digest]bool{}
		ids, err := s.images.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			got[id] = true
		}
		all := map[spec.Digest]bool{}
		for _, id := range want {
			all[id] = true
		}
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("after %v: %s", after, diff)
		}
	}
	expect(0, oldest, older, booted, served, newest)
	expect(idleTime-1, oldest, older, booted, served, newest)
	if _, err := s.listImages(t.Context(), nil); err != nil { // somebody looks: the time begins again
		t.Fatal(err)
	}
	expect(idleTime, oldest, older, booted, served, newest)
	if _, err := s.roster.PutNode(spec.NodeSpec{Name: "pc02", Image: older}); err != nil {
		t.Fatal(err)
	}
	expect(2*idleTime, older, booted, served, newest)

	// What an operator removes while it is in use goes afterwards, also when it is the newest that nobody uses.
	s.former.release(newest)
	expect(2*idleTime, older, booted, served)
	if err := s.roster.RemoveNode("pc01"); err != nil {
		t.Fatal(err)
	}
	expect(3*idleTime, older, booted, served)
	expect(9*idleTime, older, booted, served)
}

func TestDraftsAreNoFormerImages(t *testing.T) {
	s := idleServer(t)
	m, _, _ := image()
	d, err := s.images.Create(m)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Abort()
	if err := s.collect(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if drafts, _ := filepath.Glob(filepath.Join(s.images.Dir(), ".draft-*")); len(drafts) != 1 {
		t.Errorf("an image under way is gone: %q", drafts)
	}
}
