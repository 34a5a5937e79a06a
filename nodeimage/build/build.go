package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
)

// Builder makes images. Its fields are set before the first Build and not changed afterwards; Build may then be called from
// several goroutines, and several processes may share Store and Cache.
type Builder struct {
	// Store takes the finished images.
	Store *imagestore.Store
	// NodeBinary is the path of viver-node, a static binary for the image's architecture.
	NodeBinary string
	// Cache is a folder for roots that are finished or in the making: some 2 GB while a Debian root is made. It is created
	// when it is missing. It is best on the file system of the store: files are then linked, not copied.
	Cache string
	// Log gets what the tools print, at debug level; nil: nothing.
	Log *slog.Logger
	// Progress is told in a few words what is going on, from one goroutine at a time; nil: nobody is.
	Progress func(string)
}

// Build returns the image of a source, and makes it if it is not there. It needs root rights unless the root is in the cache. The errors
// say what to do; a build that fails or is cancelled leaves nothing that can be seen.
func (b *Builder) Build(ctx context.Context, src Source) (spec.Digest, *spec.Manifest, error) {
	id, m, err := b.build(ctx, src)
	if err != nil {
		return "", nil, fmt.Errorf("build: image from %s: %w", src.From, explain(err, b.Cache))
	}
	return id, m, nil
}

func (b *Builder) build(ctx context.Context, src Source) (spec.Digest, *spec.Manifest, error) {
	if err := b.open(); err != nil {
		return "", nil, err
	}
	src, err := src.complete()
	if err != nil {
		return "", nil, err
	}
	if err := refuseInside(src.dir(), b.Cache); err != nil {
		return "", nil, err
	}
	key, err := rootKey(ctx, src)
	if err != nil {
		return "", nil, err
	}
	program, err := ReadProgram(b.NodeBinary)
	if err != nil {
		return "", nil, err
	}
	image := bootKey(key, program)
	if id, m, err := b.known(image); !errors.Is(err, fs.ErrNotExist) {
		return id, m, err
	}
	if err := b.sweep(); err != nil {
		return "", nil, err
	}
	root, err := b.root(ctx, key, src)
	if err != nil {
		return "", nil, err
	}
	return b.boot(ctx, image, root, program)
}

// open makes the folders of the cache.
func (b *Builder) open() error {
	if b.Store == nil || b.Cache == "" || !filepath.IsAbs(b.Cache) {
		return fmt.Errorf("a builder needs a store and a cache with an absolute path (it has %q)", b.Cache)
	}
	for _, dir := range []string{"roots", "images", "work"} {
		if err := os.MkdirAll(filepath.Join(b.Cache, dir), 0o755); err != nil {
			return fmt.Errorf("make the cache: %w", err)
		}
	}
	return nil
}

func (b *Builder) say(format string, args ...any) {
	if b.Progress != nil {
		b.Progress(fmt.Sprintf(format, args...))
	}
}

func (b *Builder) debug(msg string, args ...any) {
	if b.Log != nil {
		b.Log.Debug(msg, args...)
	}
}
