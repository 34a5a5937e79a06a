package initramfs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxUnpacked bounds a module or firmware file, so that a small one cannot grow without end.
const maxUnpacked = 256 << 20

// packings are the ways in which distributions compress modules and firmware.
var packings = [...]struct {
	suffix string
	open   func(io.Reader) (io.Reader, error)
}{
	{".gz", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{".xz", func(r io.Reader) (io.Reader, error) { return xz.ReaderConfig{SingleStream: true}.NewReader(r) }},
	{".zst", func(r io.Reader) (io.Reader, error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}},
}

// plainName returns file without the suffix of a packing.
func plainName(file string) string {
	for _, p := range packings {
		if plain, ok := strings.CutSuffix(file, p.suffix); ok {
			return plain
		}
	}
	return file
}

// readPlain returns the contents of a file, unpacked if its name says that it is packed.
func readPlain(tree fs.FS, file string) ([]byte, error) {
	data, err := readFile(tree, file, maxUnpacked)
	if err != nil {
		return nil, err
	}
	for _, p := range packings {
		if !strings.HasSuffix(file, p.suffix) {
			continue
		}
		r, err := p.open(bytes.NewReader(data))
		if err == nil {
			data, err = readAll(r, maxUnpacked)
		}
		if err != nil {
			return nil, fmt.Errorf("unpack %s: %w", file, err)
		}
		if c, ok := r.(io.Closer); ok {
			c.Close()
		}
	}
	return data, nil
}

// readFile is fs.ReadFile with a bound.
func readFile(tree fs.FS, file string, limit int64) ([]byte, error) {
	f, err := tree.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readAll(f, limit)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return data, nil
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return data, err
}
