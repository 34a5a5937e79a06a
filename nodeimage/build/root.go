package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/initramfs"
	"viver/nodeimage/spec"
)

// Files of a root in the cache, beside the image's own.
const (
	fileModules = "modules.cpio.zst"
	fileRecord  = "root.json"
)

// root is a finished root in the cache. The exported fields are kept in root.json.
type root struct {
	Root          spec.Root
	Kernel        spec.File
	KernelRelease string
	Architecture  string
	Distribution  string

	dir string
}

// root returns the root with this key, and makes it if the cache has none.
func (b *Builder) root(ctx context.Context, key string, src Source) (r *root, err error) {
	dir := filepath.Join(b.Cache, "roots", key)
	if r, err := openRoot(dir); !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if err := ready(src); err != nil {
		return nil, err
	}
	work, err := b.occupy(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, work.leave()) }()
	if r, err := openRoot(dir); !errors.Is(err, fs.ErrNotExist) {
		return r, err // another process has made it meanwhile
	}
	if err := b.makeRoot(ctx, key, src, work.dir); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil { // somebody has removed a part of it
		return nil, err
	}
	if err := publish(filepath.Join(work.dir, "out"), dir); err != nil {
		return nil, err
	}
	return openRoot(dir)
}

// openRoot reads the record of a root. The error wraps fs.ErrNotExist if there is no such root.
func openRoot(dir string) (*root, error) {
	data, err := os.ReadFile(filepath.Join(dir, fileRecord))
	if err != nil {
		return nil, err
	}
	r := &root{dir: dir}
	if err := spec.Decode(data, r); err != nil {
		return nil, fmt.Errorf("%w (remove %s and build again)", err, dir)
	}
	return r, nil
}

// makeRoot brings the files of a root about in WORK/out. The tree stands in WORK/tree and is left there.
func (b *Builder) makeRoot(ctx context.Context, key string, src Source, work string) error {
	tree, out := filepath.Join(work, "tree"), filepath.Join(work, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	start := time.Now()
	if err := b.makeTree(ctx, src, tree); err != nil {
		return err
	}
	if src.dir() != "" {
		if again, err := rootKey(ctx, src); err != nil || again != key {
			return errors.Join(err, errors.New("the tree changed while it was copied; build again when nothing writes to it"))
		}
	}
	if err := b.customize(ctx, src, tree); err != nil {
		return err
	}
	r, err := b.takeKernel(tree, out)
	if err != nil {
		return err
	}
	r.Architecture = src.Architecture
	b.say("cleaning the tree")
	if err := seal(tree, start); err != nil {
		return err
	}
	if r.Root, err = b.squash(ctx, src, tree, filepath.Join(out, imagestore.FileRoot)); err != nil {
		return err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(out, fileRecord), data)
}

// takeKernel copies kernel and modules from the tree to out.
func (b *Builder) takeKernel(tree, out string) (*root, error) {
	t, err := os.OpenRoot(tree)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	r := &root{Distribution: distribution(t)}
	k, err := findKernel(t)
	if err != nil {
		return nil, err
	}
	r.KernelRelease = k.release
	b.say("taking kernel %s and its modules", k.release)
	image, err := t.ReadFile(k.path)
	if err != nil {
		return nil, fmt.Errorf("read the kernel: %w", err)
	}
	r.Kernel = spec.File{Size: int64(len(image)), SHA256: spec.DigestOf(image)}
	if err := writeSynced(filepath.Join(out, imagestore.FileKernel), image); err != nil {
		return nil, err
	}
	modules, err := initramfs.Kernel(t.FS(), k.release)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(out, fileModules), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	return r, errors.Join(initramfs.WriteZstd(f, modules), f.Sync(), f.Close())
}
