package nbd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/imagestore"
	wire "viver/nodeimage/nbd"
	"viver/nodeimage/spec"
	"viver/pacs/nbd"
)

// putImage puts an image into a new store and returns the store's folder, the image's ID and its root.
func putImage(t *testing.T) (dir string, id spec.Digest, root []byte) {
	t.Helper()
	dir, root = t.TempDir(), bytes.Repeat([]byte("viver---"), (spec.ChunkSize+4096)/8)
	return dir, put(t, dir, root), root
}

// putAnother puts an image into a store whose root is filled with text.
func putAnother(t *testing.T, dir, text string) spec.Digest {
	t.Helper()
	return put(t, dir, bytes.Repeat([]byte(text), spec.ChunkSize+4096)[:spec.ChunkSize+4096])
}

func put(t *testing.T, dir string, root []byte) spec.Digest {
	t.Helper()
	boot := spec.File{Size: 4, SHA256: spec.DigestOf([]byte("boot"))}
	m := &spec.Manifest{
		Version: 1,
		Root:    spec.Root{Size: int64(len(root)), Chunks: []spec.Digest{spec.DigestOf(root[:spec.ChunkSize]), spec.DigestOf(root[spec.ChunkSize:])}},
		Files:   map[string]spec.File{"vmlinuz": boot, "initrd": boot},
	}
	store, err := imagestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, err := store.Create(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{imagestore.FileRoot: root, imagestore.FileKernel: []byte("boot"), imagestore.FileInitrd: []byte("boot")} {
		if err := d.Write(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	return d.ID()
}

func start(dir, config string) spec.UnitStart {
	return spec.UnitStart{
		Unit: spec.UnitSpec{Name: "boot.nbd", Type: "nbd", Config: json.RawMessage(config)}, Cluster: "0123456789abcdef", ImageDir: dir,
	}
}

func TestServesImages(t *testing.T) {
	dir, id, root := putImage(t)
	ctx, cancel := context.WithCancel(t.Context())
	events, done := make(chan spec.UnitEvent, 1), make(chan error)
	go func() {
		config := fmt.Sprintf(`{"listen": "127.0.0.1:0", "images": [%q, %q]}`, id, id)
		done <- nbd.Run(ctx, start(dir, config), func(e spec.UnitEvent) { events <- e }, nil)
	}()
	var ready *spec.UnitReadyEvent
	select {
	case e := <-events:
		ready = e.Ready
	case err := <-done:
		t.Fatal(err)
	}
	port := ready.Services[0].Port
	address := fmt.Sprintf("127.0.0.1:%d", port)
	want := &spec.UnitReadyEvent{
		Detail:   "1 image on " + address,
		Services: []spec.Service{{Type: "_nbd._tcp", Port: port, Text: []string{"image=" + string(id)}}},
	}
	if diff := cmp.Diff(want, ready); diff != "" {
		t.Error(diff)
	}
	client, err := wire.Dial(ctx, address, string(id))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(root))
	if err := client.ReadAt(ctx, got, 0); err != nil || !bytes.Equal(got, root) {
		t.Errorf("the root is read wrong: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run ended with %v", err)
	}
	client.Close()
}

func TestRefusesBadConfiguration(t *testing.T) {
	dir, id, _ := putImage(t)
	for config, want := range map[string]string{
		`{"listen": ":0"}`: "no image to serve",
		`{"listen": "10809", "images": ["sha256:aa"]}`:                 `listen = "10809": want "host:port"`,
		`{"listen": ":nbd", "images": ["sha256:aa"]}`:                  `"nbd" is no port`,
		`{"listen": ":0", "images": ["sha256:aa"]}`:                    "is not a digest",
		`{"listen": ":0", "image": "sha256:aa"}`:                       `unknown field "image"`,
		fmt.Sprintf(`{"listen": "203.0.113.9:0", "images": [%q]}`, id): "does not have the address",
	} {
		err := nbd.Run(t.Context(), start(dir, config), func(spec.UnitEvent) { t.Errorf("%s: it is ready", config) }, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nbd unit boot.nbd") {
			t.Errorf("%s: want an error with %q, got %v", config, want, err)
		}
	}
}

func TestRefusesMissingAndDamagedImages(t *testing.T) {
	dir, id, _ := putImage(t)
	run := func(id spec.Digest) error {
		return nbd.Run(t.Context(), start(dir, fmt.Sprintf(`{"listen": "127.0.0.1:0", "images": [%q]}`, id)),
			func(spec.UnitEvent) { t.Errorf("%s: it is ready", id) }, nil)
	}
	if err := run(spec.DigestOf([]byte("other"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing image: %v", err)
	}
	if err := os.Truncate(filepath.Join(dir, strings.TrimPrefix(string(id), "sha256:"), imagestore.FileRoot), 4096); err != nil {
		t.Fatal(err)
	}
	if err := run(id); err == nil || !strings.Contains(err.Error(), "has 4096 bytes, its manifest says 266240") {
		t.Errorf("truncated image: %v", err)
	}
}

func TestServesFormerImages(t *testing.T) {
	dir, id, _ := putImage(t)
	former := putAnother(t, dir, "former")
	damaged := putAnother(t, dir, "damaged")
	if err := os.Truncate(filepath.Join(dir, strings.TrimPrefix(string(damaged), "sha256:"), imagestore.FileRoot), 4096); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	events, done := make(chan spec.UnitEvent, 1), make(chan error, 1)
	go func() {
		done <- nbd.Run(ctx, start(dir, fmt.Sprintf(`{"listen": "127.0.0.1:0", "images": [%q]}`, id)), func(e spec.UnitEvent) { events <- e }, nil)
	}()
	select {
	case e := <-events:
		want := []string{"image=" + string(id), "image=" + string(former)}
		slices.Sort(want)
		if diff := cmp.Diff(want, e.Ready.Services[0].Text); diff != "" {
			t.Error(diff)
		}
	case err := <-done:
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPortInUse(t *testing.T) {
	dir, id, _ := putImage(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	config := fmt.Sprintf(`{"listen": "127.0.0.1:%s", "images": [%q]}`, port, id)
	err = nbd.Run(t.Context(), start(dir, config), func(spec.UnitEvent) { t.Error("it is ready") }, nil)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %s is in use by nbd.test (PID %d)", port, os.Getpid())) {
		t.Errorf("got %v", err)
	}
}
