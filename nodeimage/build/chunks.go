package build

import (
	"context"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/spec"
)

// block is what the size of a root must be a multiple of.
const block = 4096

// chunks fills the file up to a whole block and returns the digests of its chunks, which are made on all processors.
func chunks(ctx context.Context, f *os.File) (spec.Root, error) {
	info, err := f.Stat()
	if err != nil {
		return spec.Root{}, err
	}
	size := (info.Size() + block - 1) / block * block
	if size != info.Size() {
		if err := f.Truncate(size); err != nil {
			return spec.Root{}, err
		}
	}
	root := spec.Root{Size: size, Chunks: make([]spec.Digest, (size+spec.ChunkSize-1)/spec.ChunkSize)}
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() error {
			buf := make([]byte, spec.ChunkSize)
			for i := w; i < len(root.Chunks); i += workers {
				at := int64(i) * spec.ChunkSize
				data := buf[:min(spec.ChunkSize, size-at)]
				if n, err := f.ReadAt(data, at); n < len(data) { // at the end a full read comes with io.EOF
					return err
				}
				root.Chunks[i] = spec.DigestOf(data)
				if err := ctx.Err(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return root, g.Wait()
}
