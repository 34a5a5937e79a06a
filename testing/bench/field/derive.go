package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"viver/nodeimage/spec"
	"viver/testing/links/crowd"
)

// bootRead is how much of its root a machine reads until it has come up: so much it was in testing/bench/boot, with Debian in 110 MB.
const bootRead = 22e6

// The superblock of a squashfs (Linux, fs/squashfs/squashfs_fs.h): little endian; what follows the inodes is metadata up to the end.
const (
	superblockSize  = 96
	superblockMagic = 0x73717368
	magicAt         = 0
	usedAt          = 40 // bytes of the file system
	inodesAt        = 64 // where the table of inodes begins
)

// derive makes a trace of an image's folder, and writes it. Nobody has recorded it: it follows from what the image is. The kernel reads the
// first block, and then the metadata at the end. Then come the chunks that the manifest says are read at boot, in order, as a
// machine fetches them; between them others at even distances, as many as a boot reads beside them.
func derive(folder, path string) error {
	manifest, err := loadManifest(filepath.Join(folder, "manifest.json"))
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(folder, "root.squashfs"))
	if err != nil {
		return err
	}
	defer f.Close()
	metadata, err := metadataOf(f, manifest.Root.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What a machine reads of its root while it boots: offset and length in bytes, in order.\n# Derived, not recorded, from %s with %d bytes,\n"+
		"# %d chunks of which are read at boot by its manifest: go run ./testing/bench/field -derive IMAGE\n", manifest.Distribution, manifest.Root.Size, manifest.Root.Boot)
	if err := deriveTrace(manifest.Root, metadata, bootRead).write(&b); err != nil {
		return err
	}
	return renameio.WriteFile(path, b.Bytes(), 0o644)
}

func loadManifest(path string) (*spec.Manifest, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: -derive wants the folder of an image", err)
	}
	m := new(spec.Manifest)
	if err := spec.Decode(data, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, m.Validate()
}

// metadataOf returns where the metadata of a squashfs begins.
func metadataOf(r io.Reader, size int64) (int64, error) {
	var b [superblockSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, fmt.Errorf("superblock: %w", err)
	}
	if magic := binary.LittleEndian.Uint32(b[magicAt:]); magic != superblockMagic {
		return 0, fmt.Errorf("this is no squashfs: it begins with %#x", magic)
	}
	used, inodes := binary.LittleEndian.Uint64(b[usedAt:]), binary.LittleEndian.Uint64(b[inodesAt:])
	if used > uint64(size) || inodes >= used || inodes < superblockSize {
		return 0, fmt.Errorf("inodes at %d of %d bytes, in a file of %d", inodes, used, size)
	}
	return int64(inodes), nil
}

// deriveTrace reads by whole chunks, and about so many bytes.
func deriveTrace(root spec.Root, metadata, about int64) trace {
	first := max(1, int(metadata/spec.ChunkSize)) // with metadata
	order := []int{0}
	for index := len(root.Chunks) - 1; index >= first; index-- {
		order = append(order, index)
	}
	boot := max(1, min(root.Boot, first))
	others := spread(boot, first, int(about/spec.ChunkSize)-len(order)-(boot-1))
	put := 0
	for n := 1; n < boot; n++ {
		due := len(others) * n / (boot - 1)
		order, put = append(append(order, n), others[put:due]...), due
	}
	return chunkReads(append(order, others[put:]...), root.Size)
}

// spread returns so many numbers at even distances from begin on, but before end.
func spread(begin, end, count int) (list []int) {
	count = min(max(0, count), end-begin)
	for n := range count {
		list = append(list, begin+(2*n+1)*(end-begin)/(2*count))
	}
	return list
}

func chunkReads(order []int, size int64) trace {
	t := make(trace, len(order))
	for i, index := range order {
		off := int64(index) * spec.ChunkSize
		t[i] = crowd.Span{Offset: off, Length: min(spec.ChunkSize, size-off)}
	}
	return t
}
