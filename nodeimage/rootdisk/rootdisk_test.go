package rootdisk_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/nbd"
	"viver/nodeimage/rootdisk"
	"viver/nodeimage/spec"
)

// image is a root of some chunks.
func image(t *testing.T) (path string, data []byte, root spec.Root, id spec.Digest) {
	t.Helper()
	data = make([]byte, 2*spec.ChunkSize+4096)
	random := rand.NewChaCha8([32]byte{})
	if _, err := random.Read(data); err != nil {
		t.Fatal(err)
	}
	root.Size = int64(len(data))
	for off := 0; off < len(data); off += spec.ChunkSize {
		root.Chunks = append(root.Chunks, spec.DigestOf(data[off:min(off+spec.ChunkSize, len(data))]))
	}
	path = filepath.Join(t.TempDir(), "root.squashfs")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, data, root, spec.DigestOf(data)
}

// serve exports a file on loopback until the test ends.
func serve(t *testing.T, path string, id spec.Digest) string {
	t.Helper()
	file, err := nbd.MapFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- (&nbd.Server{Exports: map[string]nbd.Device{string(id): file}}).Serve(ctx, l)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		file.Close()
	})
	return l.Addr().String()
}

func open(t *testing.T, c rootdisk.Config) *rootdisk.Disk {
	t.Helper()
	d, err := rootdisk.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestNobodyToReadFrom(t *testing.T) {
	_, _, root, id := image(t)
	if _, err := rootdisk.Open(rootdisk.Config{Image: id, Root: root, Servers: []spec.Server{{Name: "seed"}}}); err == nil {
		t.Error("a disk without a server was opened")
	}
}

// While no server answers, people are told why and the device is not attached.
func TestTroubleIsSaid(t *testing.T) {
	_, _, root, id := image(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // nobody listens there now
	d := open(t, rootdisk.Config{Image: id, Root: root, Servers: []spec.Server{{Name: "seed", NBD: address}}, Patience: 300 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var reason string
	err = d.Serve(ctx, func() { t.Error("attached") }, func(r string) { reason = r; cancel() })
	if err != nil || !strings.Contains(reason, "connection refused") || !strings.Contains(reason, "seed") {
		t.Errorf("%v; said %q", err, reason)
	}
}

// The whole way, by the kernel's own block device: found by discovery, attached, read, released.
func TestKernelDevice(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it attaches a block device")
	}
	if _, err := os.Stat("/sys/block/nbd7"); err != nil {
		if out, err := exec.Command("modprobe", "nbd").CombinedOutput(); err != nil {
			t.Skipf("needs the kernel's module nbd: %s", bytes.TrimSpace(out))
		}
	}
	const device = 7
	path, data, root, id := image(t)
	address := serve(t, path, id)
	d := open(t, rootdisk.Config{
		Image: id, Root: root, Device: device,
		Discover: func(ctx context.Context, found func(string)) {
			found("127.0.0.1:1") // one that has gone
			found(address)
			<-ctx.Done()
		},
	})
	attached, served := make(chan struct{}), make(chan error, 1)
	go func() {
		served <- d.Serve(t.Context(), func() { close(attached) }, func(r string) { t.Log(r) })
	}()
	select {
	case <-attached:
	case err := <-served:
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("not attached")
	}
	got, err := os.ReadFile("/dev/nbd7")
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if n := d.BytesRead(); n < root.Size {
		t.Errorf("%d bytes are counted of %d", n, root.Size)
	}
	if err := rootdisk.Release(device); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Errorf("after the release: %v", err)
	}
}
