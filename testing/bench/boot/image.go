package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"

	"viver/nodeimage/build"
	"viver/nodeimage/imagestore"
	"viver/nodeimage/initramfs"
	"viver/nodeimage/spec"
)

// image is what all systems boot.
type image struct {
	id           spec.Digest
	manifest     *spec.Manifest
	root, kernel string // paths
}

// cacheDir is where viver has its images, and this benchmark its disk.
func cacheDir() (string, error) {
	if dir := os.Getenv("VIVER_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "viver"), err
}

// buildImage makes the image that room/main.viver.hcl describes, or finds it made.
func buildImage(ctx context.Context, cache string) (image, error) {
	store, err := imagestore.Open(filepath.Join(cache, "images"))
	if err != nil {
		return image{}, err
	}
	b := build.Builder{Store: store, NodeBinary: "bin/viver-node", Cache: filepath.Join(cache, "build"), Progress: say}
	id, m, err := b.Build(ctx, build.Source{
		From: "debian:bookworm", Packages: []string{"openssh-server"}, Kernel: "linux-image-cloud-amd64", Compression: 3,
	})
	if err != nil {
		return image{}, err
	}
	img := image{id: id, manifest: m}
	if img.root, err = store.Path(id, imagestore.FileRoot); err != nil {
		return image{}, err
	}
	img.kernel, err = store.Path(id, imagestore.FileKernel)
	return img, err
}

// modules returns the files of the named kernel modules and of all that they need, in the order in which they can be loaded.
func (img image) modules(ctx context.Context, names ...string) (files []initramfs.Entry, err error) {
	tree, err := os.MkdirTemp("", "viver-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tree)) }()
	dir := path.Join("usr/lib/modules", img.manifest.KernelRelease)
	out, err := exec.CommandContext(ctx, "unsquashfs", "-force", "-no-progress", "-dest", tree, img.root, dir).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("modules of the image: unsquashfs: %w: %s", err, bytes.TrimSpace(out))
	}
	folder := os.DirFS(filepath.Join(tree, dir))
	all, err := initramfs.ReadModules(folder)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(all.Files(), names)
	if err != nil {
		return nil, err
	}
	order, err := all.Closure(chosen...)
	if err != nil {
		return nil, err
	}
	for _, f := range order {
		data, err := os.ReadFile(filepath.Join(tree, dir, f))
		if err != nil {
			return nil, err
		}
		files = append(files, initramfs.Entry{Name: path.Join("modules", path.Base(f)), Mode: 0o644, Data: data})
	}
	return files, nil
}

// choose returns, for each name, the file that is called name.ko.
func choose(files, names []string) (chosen []string, err error) {
	for _, name := range names {
		found := false
		for _, f := range files {
			if path.Base(f) == name+".ko" {
				chosen, found = append(chosen, f), true
			}
		}
		if !found {
			return nil, fmt.Errorf("the image's kernel has no module %s", name)
		}
	}
	return chosen, nil
}
