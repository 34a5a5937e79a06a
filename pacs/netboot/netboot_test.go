package netboot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
	"viver/pacs/netboot"
)

// image puts an image into a new store: a kernel of 10 bytes, an initrd of 13.
func image(t *testing.T) (dir string, id spec.Digest) {
	t.Helper()
	dir = t.TempDir()
	kernel, initrd, root := []byte("the kernel"), []byte("the initramfs"), make([]byte, 4096)
	store, err := imagestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	file := func(data []byte) spec.File { return spec.File{Size: int64(len(data)), SHA256: spec.DigestOf(data)} }
	draft, err := store.Create(&spec.Manifest{
		Version: 1, Root: spec.Root{Size: 4096, Chunks: []spec.Digest{spec.DigestOf(root)}},
		Files: map[string]spec.File{"vmlinuz": file(kernel), "initrd": file(initrd)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{imagestore.FileKernel: kernel, imagestore.FileInitrd: initrd, imagestore.FileRoot: root} {
		if err := draft.Write(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := draft.Commit(); err != nil {
		t.Fatal(err)
	}
	return dir, draft.ID()
}

func programs(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"undionly.kpxe", "ipxe.pxe", "snponly.efi", "ipxe.efi"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("program "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// unit is a running unit.
type unit struct {
	base, hex string
	machines  chan spec.MachineEvent
	ready     spec.UnitReadyEvent
}

func run(t *testing.T) *unit {
	t.Helper()
	dir, id := image(t)
	hex, _ := id.Hex()
	config, err := json.Marshal(map[string]any{
		"listen": "127.0.0.1:0", "url": "http://10.20.0.1", "image": id, "ipxe_dir": programs(t), "kernel_arguments": "console=ttyS0 quiet",
		"servers": []any{map[string]any{"name": "seed", "join": "10.20.0.1:10843", "nbd": "10.20.0.1:10809"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	u := &unit{hex: hex, machines: make(chan spec.MachineEvent, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan spec.UnitReadyEvent, 1), make(chan error, 1)
	start := spec.UnitStart{Unit: spec.UnitSpec{Config: config}, Cluster: "0123456789abcdef", Trust: spec.Trust{SSH: "ssh", TLS: "tls"}, ImageDir: dir}
	emit := func(e spec.UnitEvent) {
		if e.Ready != nil {
			ready <- *e.Ready
		} else {
			u.machines <- *e.Machine
		}
	}
	go func() { done <- netboot.Run(ctx, start, emit, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case u.ready = <-ready:
	case err := <-done:
		done <- nil
		t.Fatal(err)
	}
	u.base = fmt.Sprintf("http://127.0.0.1:%d", u.ready.Services[0].Port)
	return u
}

func (u *unit) get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	r, err := http.Get(u.base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(data)
}

func TestScripts(t *testing.T) {
	u := run(t)
	wantBoot := `#!ipxe
:start
chain --autofree http://10.20.0.1/node.ipxe?mac=${netX/mac:hexhyp}&platform=${platform} || goto again
:again
echo This machine could not boot; trying again in 3 s
sleep 3
goto start
`
	wantNode := strings.ReplaceAll(`#!ipxe
imgfree
kernel --name vmlinuz http://10.20.0.1/images/HEX/vmlinuz?mac=${netX/mac:hexhyp}&platform=${platform} initrd=initrd initrd=bundle viver.mac=${netX/mac} console=ttyS0 quiet || exit 1
initrd --name initrd http://10.20.0.1/images/HEX/initrd || exit 1
initrd --name bundle http://10.20.0.1/bundle/HEX.cpio || exit 1
boot || exit 1
`, "HEX", u.hex)
	for path, want := range map[string]string{"/boot.ipxe": wantBoot, "/node.ipxe?mac=52-54-00-00-00-01": wantNode, "//node.ipxe": wantNode} {
		r, got := u.get(t, path)
		if diff := cmp.Diff(want, got); diff != "" || r.ContentLength != int64(len(want)) {
			t.Errorf("%s: length %d: %s", path, r.ContentLength, diff)
		}
	}
	want := []spec.Service{{Type: "_viver-boot._tcp", Port: u.ready.Services[0].Port}}
	if diff := cmp.Diff(want, u.ready.Services); diff != "" {
		t.Error(diff)
	}
}

func TestFiles(t *testing.T) {
	u := run(t)
	for path, want := range map[string]string{
		"/images/" + u.hex + "/vmlinuz":     "the kernel",
		"//images//" + u.hex + "/./vmlinuz": "the kernel",
		"/images/" + u.hex + "/initrd":      "the initramfs\x00\x00\x00",
		"/ipxe/snponly.efi":                 "program snponly.efi",
	} {
		r, got := u.get(t, path)
		if got != want || r.ContentLength != int64(len(want)) || r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %q, length %d", path, got, r.ContentLength)
		}
		head, err := http.Head(u.base + path)
		if err != nil || head.StatusCode != 200 || head.ContentLength != int64(len(want)) {
			t.Errorf("HEAD %s: %v, %v", path, head, err)
		}
	}
	for _, path := range []string{"/", "/images", "/images/" + u.hex, "/images/" + u.hex + "/root.squashfs", "/images/" + strings.Repeat("0", 64) + "/vmlinuz", "/ipxe/", "/ipxe/x", "/ipxe/../../../etc/passwd", "/ipxe/%2e%2e/secret", "/bundle/x.cpio"} {
		if r, got := u.get(t, path); r.StatusCode != 404 || r.ContentLength != int64(len(got)) {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if r, _ := u.get(t, "/"+strings.Repeat("x", 300)); r.StatusCode != 414 {
		t.Errorf("a path of 301 bytes: %d", r.StatusCode)
	}
	r, err := http.Post(u.base+"/boot.ipxe", "text/plain", nil)
	if err != nil || r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %v, %v", r, err)
	}
}

func TestBundle(t *testing.T) {
	u := run(t)
	if _, err := exec.LookPath("cpio"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("cpio is missing: apt-get install cpio")
		}
		t.Skip("cpio is missing: apt-get install cpio")
	}
	_, data := u.get(t, "/bundle/"+u.hex+".cpio")
	if len(data)%4 != 0 {
		t.Errorf("the bundle has %d bytes", len(data))
	}
	dir := t.TempDir()
	unpack := exec.CommandContext(t.Context(), "cpio", "-id", "--quiet")
	unpack.Dir, unpack.Stdin = dir, strings.NewReader(data)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err1 := os.ReadFile(filepath.Join(dir, spec.BundlePath))
	manifest, err2 := os.ReadFile(filepath.Join(dir, spec.ManifestPath))
	var got spec.Bundle
	if err := errors.Join(err1, err2, spec.Decode(text, &got)); err != nil {
		t.Fatal(err)
	}
	id := spec.Digest("sha256:" + u.hex)
	want := spec.Bundle{
		Version: 1, Cluster: "0123456789abcdef", Trust: spec.Trust{SSH: "ssh", TLS: "tls"}, Image: id,
		Servers: []spec.Server{{Name: "seed", Join: "10.20.0.1:10843", NBD: "10.20.0.1:10809"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := spec.DecodeManifest(manifest, id); err != nil {
		t.Error(err)
	}
}

func TestKernelEvents(t *testing.T) {
	u := run(t)
	kernel := "/images/" + u.hex + "/vmlinuz"
	if r, err := http.Head(u.base + kernel + "?mac=52-54-00-00-00-09"); err != nil || r.StatusCode != 200 {
		t.Fatal(r, err)
	}
	for _, query := range []string{"", "?mac=", "?mac=nonsense", "?mac=00-00-00-00-00-00-00-01"} {
		u.get(t, kernel+query)
	}
	var group sync.WaitGroup
	for n := range 20 {
		group.Go(func() { u.get(t, fmt.Sprintf("%s?mac=52-54-00-00-00-%02X&platform=efi", kernel, n)) })
	}
	group.Wait()
	seen := map[string]bool{}
	for range 20 {
		select {
		case e := <-u.machines:
			seen[e.MAC] = true
			want := spec.MachineEvent{MAC: e.MAC, Stage: spec.StageKernel, Detail: "kernel sent", Address: "127.0.0.1", Firmware: "uefi"}
			if diff := cmp.Diff(want, e); diff != "" {
				t.Error(diff)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%d events", len(seen))
		}
	}
	if len(seen) != 20 || len(u.machines) != 0 || !seen["52:54:00:00:00:0a"] {
		t.Errorf("events of %v", seen)
	}
}

func TestForeignClient(t *testing.T) {
	u := run(t)
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is missing: apt-get install curl")
	}
	curl := exec.CommandContext(t.Context(), "curl", "-sS", "--compressed", "-i", "--path-as-is", u.base+"//images/"+u.hex+"//initrd")
	out, err := curl.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "HTTP/1.1 200 OK\r\n") || !strings.Contains(string(out), "Content-Length: 16\r\n") ||
		!strings.HasSuffix(string(out), "\r\n\r\nthe initramfs\x00\x00\x00") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestRefused(t *testing.T) {
	dir, id := image(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	good := map[string]any{
		"listen": "127.0.0.1:0", "url": "http://10.20.0.1", "image": id, "ipxe_dir": programs(t),
		"servers": []any{map[string]any{"name": "seed", "join": "10.20.0.1:10843", "nbd": "10.20.0.1:10809"}},
	}
	for _, c := range []struct {
		key   string
		value any
		want  string
	}{
		{"colour", "red", "unknown field"},
		{"url", "https://10.20.0.1", "no https"},
		{"url", "http://10.20.0.1/x", "want http:// and a host"},
		{"image", "desk", "not a digest"},
		{"image", "sha256:" + strings.Repeat("0", 64), "apply again"},
		{"servers", []any{}, "servers is empty"},
		{"servers", []any{map[string]any{"name": "seed", "join": "10.20.0.1", "nbd": ""}}, "not host:port"},
		{"kernel_arguments", "a\nboot", "cannot stand in an iPXE script"},
		{"kernel_arguments", "a=${mac}", "cannot stand in an iPXE script"},
		{"kernel_arguments", "quiet || shell", "means something else"},
		{"kernel_arguments", strings.Repeat("x", 1025), "want 1024 at most"},
		{"ipxe_dir", t.TempDir(), "apt-get install ipxe"},
		{"listen", busy.Addr().String(), fmt.Sprintf("(PID %d)", os.Getpid())},
	} {
		config := map[string]any{c.key: c.value}
		for key, value := range good {
			if key != c.key {
				config[key] = value
			}
		}
		data, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		start := spec.UnitStart{Unit: spec.UnitSpec{Config: data}, ImageDir: dir}
		ctx, cancel := context.WithCancel(t.Context())
		err = netboot.Run(ctx, start, func(spec.UnitEvent) { cancel() }, nil)
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, want %q", c.key, c.value, err, c.want)
		}
	}
}
