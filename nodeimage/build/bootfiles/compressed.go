package bootfiles

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// blockSize is how much of a file mksquashfs compresses at once, unless it is told otherwise.
const blockSize = 128 << 10

// Compressed returns about how many bytes these files below tree take in a squashfs of zstd.
func Compressed(tree string, names []string) (int64, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return 0, err
	}
	defer z.Close()
	var total int64
	block, packed := make([]byte, blockSize), make([]byte, 0, blockSize)
	for _, name := range names {
		size, err := compressed(z, filepath.Join(tree, name), block, packed)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		total += size
	}
	return total, nil
}

func compressed(z *zstd.Encoder, path string, block, packed []byte) (size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for {
		n, err := io.ReadFull(f, block)
		size += int64(min(n, len(z.EncodeAll(block[:n], packed[:0]))))
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
