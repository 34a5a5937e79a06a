package main

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"viver/nodeimage/spec"
	"viver/testing/links/crowd"
)

func TestReadTrace(t *testing.T) {
	got, err := readTrace(strings.NewReader("# a boot\n4096 512\n\n0 262144\n"))
	if want := (trace{{Offset: 4096, Length: 512}, {Offset: 0, Length: 262144}}); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v: %v", got, err)
	}
	if got.size() != 262144 || got.bytes() != 262144+512 {
		t.Errorf("%d of %d bytes", got.bytes(), got.size())
	}
}

func TestReadTraceRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "# nothing\n", "0\n", "0 512 512\n", "x 512\n", "-512 512\n", "0 0\n", "0 -512\n", "1 512\n", "0 511\n", "0 33554944\n", "4294967296 512\n",
		"9223372036854775296 512\n", "18446744073709551616 512\n", "0 512" + strings.Repeat(" ", maxTraceLine) + "\n", strings.Repeat("0 512\n", maxReads+1),
	} {
		if got, err := readTrace(strings.NewReader(bad)); err == nil {
			t.Errorf("%.40q was taken: %v", bad, got)
		}
	}
}

// TestKeptTrace reads the trace that is measured: a boot reads about a fifth of its root.
func TestKeptTrace(t *testing.T) {
	got, err := loadTrace("testdata/boot.trace")
	if err != nil {
		t.Fatal(err)
	}
	if n := got.bytes(); n < 20e6 || n > 24e6 || got.size() < 4*n || got[0].Offset != 0 {
		t.Errorf("%d of %d bytes, from %d on", n, got.size(), got[0].Offset)
	}
	seen := map[crowd.Span]bool{}
	for _, s := range got {
		if seen[s] {
			t.Errorf("%v is read twice", s)
		}
		seen[s] = true
	}
}

func FuzzTrace(f *testing.F) {
	f.Add([]byte("# x\n0 512\n4096 262144\n"))
	f.Add([]byte("0 512 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := readTrace(bytes.NewReader(data))
		if err != nil {
			return
		}
		if size := first.size(); size < sector || size > maxTraceEnd {
			t.Errorf("an image of %d bytes", size)
		}
		var b bytes.Buffer
		if err := first.write(&b); err != nil {
			t.Fatal(err)
		}
		if again, err := readTrace(&b); err != nil || !slices.Equal(first, again) {
			t.Errorf("%v became %v: %v", first, again, err)
		}
	})
}

func superblock(magic uint32, used, inodes uint64) []byte {
	b := make([]byte, superblockSize)
	binary.LittleEndian.PutUint32(b[magicAt:], magic)
	binary.LittleEndian.PutUint64(b[usedAt:], used)
	binary.LittleEndian.PutUint64(b[inodesAt:], inodes)
	return b
}

func TestMetadata(t *testing.T) {
	if at, err := metadataOf(bytes.NewReader(superblock(superblockMagic, 4000, 3000)), 4096); err != nil || at != 3000 {
		t.Errorf("at %d: %v", at, err)
	}
	for _, bad := range [][]byte{
		nil, superblock(superblockMagic, 4000, 3000)[:95], superblock(1, 4000, 3000), superblock(superblockMagic, 4097, 3000),
		superblock(superblockMagic, 4000, 4000), superblock(superblockMagic, 4000, 95), superblock(superblockMagic, 1<<63, 1<<63-1),
	} {
		if at, err := metadataOf(bytes.NewReader(bad), 4096); err == nil {
			t.Errorf("%x was taken: %d", bad, at)
		}
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add(superblock(superblockMagic, 4000, 3000), int64(4096))
	f.Fuzz(func(t *testing.T, data []byte, size int64) {
		if at, err := metadataOf(bytes.NewReader(data), max(0, size)); err == nil && (at < superblockSize || at >= size) {
			t.Errorf("the metadata of %d bytes begins at %d", size, at)
		}
	})
}

func TestDeriveTrace(t *testing.T) {
	root := spec.Root{Size: 20*spec.ChunkSize - 4096, Chunks: make([]spec.Digest, 20), Boot: 5}
	var got []int64
	derived := deriveTrace(root, 18*spec.ChunkSize+7, 10*spec.ChunkSize)
	for _, s := range derived {
		got = append(got, s.Offset/spec.ChunkSize)
	}
	// The superblock, the metadata from the end, the chunks of the boot, and three of chunks 5 to 17 between them.
	if want := []int64{0, 19, 18, 1, 2, 7, 3, 11, 4, 15}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	if derived.size() != root.Size {
		t.Errorf("the trace ends at %d of %d", derived.size(), root.Size)
	}
	for _, boot := range []int{0, 1, 20} { // no list, nothing but the superblock, all
		root.Boot = boot
		if n := len(deriveTrace(root, 18*spec.ChunkSize, 10*spec.ChunkSize)); n != max(10, 2+min(boot, 18)) {
			t.Errorf("%d chunks are read with %d of the boot", n, boot)
		}
	}
}
