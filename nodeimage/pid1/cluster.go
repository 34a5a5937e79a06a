package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"viver/nodeimage/spec"
)

// cluster is what the second initrd says: whose machine this is, and what it boots.
type cluster struct {
	bundle   spec.Bundle
	manifest *spec.Manifest
}

// readCluster reads bundle and manifest below root, and refuses a manifest that is not the bundle's image.
func readCluster(root fs.FS) (*cluster, error) {
	data, err := fs.ReadFile(root, strings.TrimPrefix(spec.BundlePath, "/"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: the boot script must load bundle.cpio as a second initrd", spec.BundlePath)
	}
	if err != nil {
		return nil, err
	}
	c := new(cluster)
	if err := spec.Decode(data, &c.bundle); err != nil {
		return nil, fmt.Errorf("%s: %w", spec.BundlePath, err)
	}
	if c.bundle.Version != 1 {
		return nil, fmt.Errorf("%s has version %d; this viver-node knows version 1: build the image again", spec.BundlePath, c.bundle.Version)
	}
	if data, err = fs.ReadFile(root, strings.TrimPrefix(spec.ManifestPath, "/")); err != nil {
		return nil, fmt.Errorf("image manifest: %w", err)
	}
	if c.manifest, err = spec.DecodeManifest(data, c.bundle.Image); err != nil {
		return nil, fmt.Errorf("%s: %w", spec.ManifestPath, err)
	}
	return c, nil
}
