package imagestore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"viver/nodeimage/spec"
)

// verify reads r to its end and compares it with what m says of the file with this name.
func verify(m *spec.Manifest, name string, r io.Reader) error {
	if name == FileRoot {
		return verifyRoot(m.Root, r)
	}
	want := m.Files[name]
	if err := verifyPart(r, sha256.New(), want.Size, want.SHA256); err != nil {
		return err
	}
	return verifyEnd(r, want.Size)
}

func verifyRoot(root spec.Root, r io.Reader) error {
	h := sha256.New()
	for i, want := range root.Chunks {
		size := min(spec.ChunkSize, root.Size-int64(i)*spec.ChunkSize)
		if err := verifyPart(r, h, size, want); err != nil {
			return fmt.Errorf("chunk %d of %d: %w", i, len(root.Chunks), err)
		}
	}
	return verifyEnd(r, root.Size)
}

// verifyPart reads size bytes from r; they must have the digest want.
func verifyPart(r io.Reader, h hash.Hash, size int64, want spec.Digest) error {
	h.Reset()
	n, err := io.CopyN(h, r, size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("it ends after %d of %d bytes: %w", n, size, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	if got := spec.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))); got != want {
		return fmt.Errorf("it has the digest %s, the manifest says %s", got, want)
	}
	return nil
}

// verifyEnd reports an error if anything follows in r.
func verifyEnd(r io.Reader, size int64) error {
	n, err := io.ReadFull(r, make([]byte, 1))
	if n > 0 {
		return fmt.Errorf("it goes on after the %d bytes that the manifest says", size)
	}
	if err != io.EOF {
		return err
	}
	return nil
}
