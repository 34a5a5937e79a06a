package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/initramfs"
	"viver/nodeimage/spec"
)

// record returns where the ID of the image with this key stands.
func (b *Builder) record(key string) string { return filepath.Join(b.Cache, "images", key) }

// known returns the image with this key. The error wraps fs.ErrNotExist if there is no record, or no such image in the
// store any more.
func (b *Builder) known(key string) (spec.Digest, *spec.Manifest, error) {
	record := b.record(key)
	data, err := os.ReadFile(record)
	if err != nil {
		return "", nil, err
	}
	id := spec.Digest(strings.TrimSpace(string(data)))
	if _, err := id.Hex(); err != nil {
		return "", nil, fmt.Errorf("%s is damaged (remove it): %w", record, err)
	}
	m, err := b.Store.Manifest(id)
	return id, m, err
}

// boot makes the initramfs, and an image of it and the root, and writes the record of the image with this key.
func (b *Builder) boot(ctx context.Context, key string, r *root, program []byte) (id spec.Digest, m *spec.Manifest, err error) {
	work, err := b.occupy(ctx, key)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, work.leave()) }()
	b.say("making the initramfs")
	initrd, err := r.initrd(program)
	if err != nil {
		return "", nil, err
	}
	m = &spec.Manifest{
		Version: 1, Root: r.Root, KernelRelease: r.KernelRelease, Architecture: r.Architecture, Distribution: r.Distribution,
		Files: map[string]spec.File{
			imagestore.FileKernel: r.Kernel,
			imagestore.FileInitrd: {Size: int64(len(initrd)), SHA256: spec.DigestOf(initrd)},
		},
	}
	err = writeSynced(filepath.Join(work.dir, imagestore.FileInitrd), initrd)
	for _, name := range []string{imagestore.FileRoot, imagestore.FileKernel} {
		err = errors.Join(err, os.Link(filepath.Join(r.dir, name), filepath.Join(work.dir, name)))
	}
	if err != nil {
		return "", nil, err
	}
	id, err = b.adopt(m, work.dir, r.dir)
	if err != nil {
		return "", nil, err
	}
	if err := renameio.WriteFile(b.record(key), []byte(id+"\n"), 0o644); err != nil {
		return "", nil, err
	}
	return id, m, nil
}

func (b *Builder) adopt(m *spec.Manifest, draft, root string) (spec.Digest, error) {
	b.say("putting %d MB into the store", (m.Root.Size+999_999)/1_000_000)
	_, id, err := m.Encode()
	if err != nil {
		return "", err
	}
	if _, err := b.Store.Adopt(m, draft); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%w (if that goes on, remove %s)", err, root)
	}
	return id, nil
}

// initrd returns an archive with viver-node, followed by the one with the modules, which is made with the root. The kernel unpacks
// both.
func (r *root) initrd(program []byte) ([]byte, error) {
	var archive bytes.Buffer
	if err := initramfs.WriteZstd(&archive, initramfs.Init(program)); err != nil {
		return nil, err
	}
	modules, err := os.Open(filepath.Join(r.dir, fileModules))
	if err != nil {
		return nil, err
	}
	defer modules.Close()
	if _, err := io.Copy(&archive, modules); err != nil {
		return nil, fmt.Errorf("read %s: %w", modules.Name(), err)
	}
	return archive.Bytes(), nil
}
