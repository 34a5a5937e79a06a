package block_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"viver/nodeimage/block"
	"viver/nodeimage/nbd"
	"viver/nodeimage/spec"
)

// serveImage runs an NBD server of its own for a file with data. stop takes it down.
func serveImage(t *testing.T, data []byte) (source block.Source, stop func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := nbd.MapFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		s := nbd.Server{Exports: map[string]nbd.Device{"root": f}}
		if err := s.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		_ = f.Close()
	})
	t.Cleanup(stop)
	address := l.Addr().String()
	return block.Source{Name: address, Dial: func(ctx context.Context) (block.Conn, error) {
		return nbd.Dial(ctx, address, "root")
	}}, stop
}

// TestStack reads an image as a machine does, by real connections, from a server that lies in one chunk and is stopped in the
// middle, and another that is sound.
func TestStack(t *testing.T) {
	data, root := image(40)
	wrong := bytes.Clone(data)
	wrong[3*chunk] ^= 1
	first, stopFirst := serveImage(t, wrong)
	second, _ := serveImage(t, data)
	f, err := block.NewFailover(root.Size, []block.Source{first, second}, block.FailoverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := block.NewVerified(f, root, block.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			p := make([]byte, 100_000)
			for off := i * 10_000; off+len(p) <= len(data); off += len(p) {
				if err := v.ReadAt(t.Context(), p, int64(off)); err != nil || !bytes.Equal(p, data[off:off+len(p)]) {
					t.Errorf("read at %d: %v", off, err)
				}
				if off > len(data)/2 {
					stopFirst()
				}
			}
		})
	}
	readers.Wait()
	if f.Current() != second.Name {
		t.Errorf("current is %s", f.Current())
	}
	if n := f.BytesRead(); n < root.Size || n > root.Size+4*spec.ChunkSize {
		t.Errorf("%d bytes read for an image of %d", n, root.Size)
	}
}
