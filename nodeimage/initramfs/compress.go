package initramfs

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// window is how far back the compressor looks, and so the memory that the kernel needs for unpacking: a machine with
// 512 MB has it.
const window = 8 << 20

// WriteZstd writes an archive as one zstd frame and then zero bytes up to a multiple of 4, which the kernel skips. The same entries
// always make the same bytes. See Write.
func WriteZstd(w io.Writer, entries []Entry) error {
	counted := &counter{w: w}
	z, err := zstd.NewWriter(counted, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(window))
	if err != nil {
		return fmt.Errorf("initramfs: compress: %w", err)
	}
	if err := errors.Join(Write(z, entries), z.Close()); err != nil {
		return err
	}
	if _, err := w.Write(make([]byte, padding(counted.n))); err != nil {
		return fmt.Errorf("initramfs: compress: %w", err)
	}
	return nil
}

// counter counts what passes, modulo what an int holds: enough to know the padding.
type counter struct {
	w io.Writer
	n int
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += n
	return n, err
}
