package rootdisk

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"viver/nodeimage/nbd"
	"viver/nodeimage/spec"
)

// What a boot reads is fetched before anybody asks for it, and nothing else.
func TestBootIsFetchedAhead(t *testing.T) {
	data := make([]byte, 8*spec.ChunkSize)
	root := spec.Root{Size: int64(len(data)), Boot: 2}
	for i := range 8 {
		data[i*spec.ChunkSize] = byte(i)
		root.Chunks = append(root.Chunks, spec.DigestOf(data[i*spec.ChunkSize:(i+1)*spec.ChunkSize]))
	}
	path := filepath.Join(t.TempDir(), "root")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := nbd.MapFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	id := spec.DigestOf(data)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- (&nbd.Server{Exports: map[string]nbd.Device{string(id): file}}).Serve(ctx, l) }()
	defer func() { cancel(); <-served }()
	d, err := Open(Config{Image: id, Root: root, Servers: []spec.Server{{Name: "seed", NBD: l.Addr().String()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.fetchBoot(t.Context())
	p := make([]byte, 1)
	for i := range 2 {
		if !d.verified.ReadNow(p, int64(i)*spec.ChunkSize) || p[0] != byte(i) {
			t.Errorf("chunk %d is not there", i)
		}
	}
	if d.verified.ReadNow(p, 7*spec.ChunkSize) {
		t.Error("the last chunk was fetched too")
	}
}
