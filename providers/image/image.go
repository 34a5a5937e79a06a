// Package image is the block "image": it has package build make a root image into the operator's store, with the steps that are
// baked in. It owns neither how images are made nor how they come to servers.
package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/build"
	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/object"
)

// Type is the resource type. All fields but Log must be set.
type Type struct {
	// Cache returns the operator's cache folder; images are in its folder "images".
	Cache func() (string, error)
	// NodeBinary finds viver-node, which becomes the images' first program.
	NodeBinary func() (string, error)
	// Log gets what the tools print, at debug level; nil: nothing.
	Log *slog.Logger
}

var (
	_ resource.Reader    = (*Type)(nil)
	_ resource.Importer  = (*Type)(nil)
	_ resource.Outfitter = (*Type)(nil)
)

// Name implements resource.Type.
func (*Type) Name() string { return "image" }

// Schema implements resource.Type.
func (*Type) Schema() *resource.Schema {
	computed := func(t cty.Type, doc string) *resource.Attribute {
		return &resource.Attribute{Type: t, Computed: true, Doc: doc}
	}
	return &resource.Schema{
		Doc:   "A root file system which machines share, with its kernel.",
		Bakes: true,
		Attributes: map[string]*resource.Attribute{
			"from":           {Type: cty.String, Required: true, Check: checkFrom, Doc: "What it is made from: \"debian:bookworm\", or \"dir:/srv/root\"."},
			"packages":       {Type: cty.List(cty.String), Default: cty.ListValEmpty(cty.String), Check: checkPackages, Doc: "Packages beside the distribution's base."},
			"kernel":         {Type: cty.String, Check: checkKernel, Doc: "Package of the kernel; unset: linux-image of the architecture."},
			"mirror":         {Type: cty.String, Check: checkMirror, Doc: "URL of the distribution's archive; unset: its own."},
			"architecture":   {Type: cty.String, Doc: "amd64 or arm64; unset: that of this machine."},
			"compression":    {Type: cty.Number, Default: cty.NumberIntVal(15), Check: checkCompression, Doc: "Level of zstd, 1 to 22; 3 is twenty times as fast as 15 and makes 15 % more."},
			"id":             computed(cty.String, "Digest of its manifest."),
			"size":           computed(cty.Number, "Bytes of the root."),
			"chunks":         computed(cty.Number, "Number of its blocks of 256 KiB."),
			"boot_size":      computed(cty.Number, "Bytes of kernel and initramfs, which each machine downloads when it boots."),
			"initramfs_size": computed(cty.Number, "Bytes of the initramfs as it is downloaded; unpacked it stays in each machine's RAM."),
			"kernel_release": computed(cty.String, "uname -r."),
			"distribution":   computed(cty.String, "ID and version: \"debian 12\"."),
		},
	}
}

// Store opens the store in an operator's cache folder.
func Store(cache string) (*imagestore.Store, error) {
	return imagestore.Open(filepath.Join(cache, "images"))
}

// store opens the operator's cache folder.
func (t *Type) store() (cache string, s *imagestore.Store, err error) {
	if cache, err = t.Cache(); err == nil {
		s, err = Store(cache)
	}
	return cache, s, err
}

// Apply builds the image, or finds it built.
func (t *Type) Apply(ctx context.Context, r resource.ApplyRequest) (map[string]cty.Value, error) {
	script, err := bake(r.Addr, r.Steps)
	if err != nil {
		return nil, err
	}
	cache, store, err := t.store()
	if err != nil {
		return nil, err
	}
	node, err := t.NodeBinary()
	if err != nil {
		return nil, err
	}
	b := build.Builder{Store: store, NodeBinary: node, Cache: filepath.Join(cache, "build"), Log: t.Log}
	if r.Report != nil {
		b.Progress = func(text string) { r.Report(resource.Progress{Detail: text}) }
	}
	id, m, err := b.Build(ctx, build.Source{
		From: object.String(r.Config, "from"), Packages: object.Strings(r.Config, "packages"),
		Kernel: object.String(r.Config, "kernel"), Mirror: object.String(r.Config, "mirror"),
		Architecture: object.String(r.Config, "architecture"), Compression: object.Int(r.Config, "compression"),
		Customize: script,
	})
	if err != nil {
		return nil, err
	}
	return computed(id, m), nil
}

func computed(id spec.Digest, m *spec.Manifest) map[string]cty.Value {
	return map[string]cty.Value{
		"id":             cty.StringVal(string(id)),
		"size":           cty.NumberIntVal(m.Root.Size),
		"chunks":         cty.NumberIntVal(int64(len(m.Root.Chunks))),
		"boot_size":      cty.NumberIntVal(m.BootSize()),
		"initramfs_size": cty.NumberIntVal(m.Files["initrd"].Size),
		"kernel_release": cty.StringVal(m.KernelRelease),
		"distribution":   cty.StringVal(m.Distribution),
	}
}

// Import implements resource.Importer. The ID is that of an image in the operator's store.
func (t *Type) Import(_ context.Context, r resource.ImportRequest) (map[string]cty.Value, error) {
	_, store, err := t.store()
	if err != nil {
		return nil, err
	}
	m, err := store.Manifest(spec.Digest(r.ID))
	if err != nil {
		return nil, fmt.Errorf("there is no image %q in %s: %w", r.ID, store.Dir(), err)
	}
	return computed(spec.Digest(r.ID), m), nil
}

// Read implements resource.Reader: an image is there or gone, as it never changes.
func (t *Type) Read(_ context.Context, instances []resource.ReadRequest) []resource.Observation {
	all := make([]resource.Observation, len(instances))
	for i, r := range instances {
		all[i] = t.read(spec.Digest(object.String(r.Prior, "id")))
	}
	return all
}

func (t *Type) read(id spec.Digest) resource.Observation {
	cache, err := t.Cache()
	if err != nil {
		return resource.Observation{Status: resource.Unreachable, Reason: err.Error()}
	}
	store, err := Store(cache)
	if err != nil {
		return resource.Observation{Status: resource.Unreachable, Reason: err.Error()}
	}
	switch _, err := store.Manifest(id); {
	case errors.Is(err, fs.ErrNotExist):
		return resource.Observation{Status: resource.Absent, Reason: "it is not in " + store.Dir() + " any more"}
	case err != nil:
		return resource.Observation{Status: resource.Drifted, Reason: err.Error()}
	}
	return resource.Observation{}
}

// Destroy leaves the image in the store: that is a cache, which other configurations use too.
func (*Type) Destroy(context.Context, resource.DestroyRequest) error { return nil }
