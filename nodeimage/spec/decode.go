package spec

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// Decode reads one JSON document into doc. It refuses unknown fields and anything that follows the document.
func Decode(data []byte, doc any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(doc); err != nil {
		return fmt.Errorf("spec: %T: %w", doc, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("spec: %T: something follows the document", doc)
	}
	return nil
}

// DigestOf returns the digest of data.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// Hex returns the 64 hexadecimal digits of d, or an error if d is not a digest. It is safe to use as a file name.
func (d Digest) Hex() (string, error) {
	const prefix = "sha256:"
	if len(d) != len(prefix)+2*sha256.Size || d[:len(prefix)] != prefix {
		return "", fmt.Errorf("spec: %q is not a digest: want sha256: and 64 hexadecimal digits", string(d))
	}
	for _, c := range []byte(d[len(prefix):]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", fmt.Errorf("spec: %q is not a digest: want sha256: and 64 lower-case hexadecimal digits", string(d))
		}
	}
	return string(d[len(prefix):]), nil
}

// Encode returns the canonical JSON of m, and the image's ID: the digest of it.
func (m *Manifest) Encode() ([]byte, Digest, error) {
	if err := m.Validate(); err != nil {
		return nil, "", err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, "", fmt.Errorf("spec: manifest: %w", err)
	}
	return data, DigestOf(data), nil
}

// DecodeManifest reads the manifest of the image with this ID; it refuses any other.
func DecodeManifest(data []byte, id Digest) (*Manifest, error) {
	if got := DigestOf(data); got != id {
		return nil, fmt.Errorf("spec: manifest has the digest %s, not the image's ID %s", got, id)
	}
	m := new(Manifest)
	if err := Decode(data, m); err != nil {
		return nil, err
	}
	return m, m.Validate()
}

// Validate reports whether m can describe an image: sizes fit the number of chunks, digests are digests.
func (m *Manifest) Validate() error {
	if m.Version != 1 {
		return fmt.Errorf("spec: manifest has version %d; this viver knows version 1", m.Version)
	}
	if want := (m.Root.Size + ChunkSize - 1) / ChunkSize; m.Root.Size <= 0 || m.Root.Size%4096 != 0 || int64(len(m.Root.Chunks)) != want {
		return fmt.Errorf("spec: manifest: a root of %d bytes with %d chunks", m.Root.Size, len(m.Root.Chunks))
	}
	if m.Root.Boot < 0 || m.Root.Boot > len(m.Root.Chunks) {
		return fmt.Errorf("spec: manifest: %d of %d chunks are read at boot", m.Root.Boot, len(m.Root.Chunks))
	}
	for i, c := range m.Root.Chunks {
		if _, err := c.Hex(); err != nil {
			return fmt.Errorf("spec: manifest: chunk %d: %w", i, err)
		}
	}
	for _, name := range []string{"vmlinuz", "initrd"} {
		f, ok := m.Files[name]
		if !ok || f.Size <= 0 {
			return fmt.Errorf("spec: manifest has no boot file %s", name)
		}
		if _, err := f.SHA256.Hex(); err != nil {
			return fmt.Errorf("spec: manifest: %s: %w", name, err)
		}
	}
	return nil
}
