package netboot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/initramfs"
	"viver/nodeimage/spec"
	"viver/pacs/netboot/ipxe"
)

// pathNode is the script of one machine, which the one at ipxe.PathScript leads to.
const pathNode = "/node.ipxe"

func pathKernel(hex string) string { return "/images/" + hex + "/vmlinuz" }
func pathInitrd(hex string) string { return "/images/" + hex + "/initrd" }
func pathBundle(hex string) string { return "/bundle/" + hex + ".cpio" }

// site is everything that can be asked for, by clean path. It does not change.
type site struct {
	kernel   string // the kernel's path
	pages    map[string]page
	programs *ipxe.Programs
}

// page opens something to be sent.
type page func() (*body, error)

// body is what is sent: size bytes of it.
type body struct {
	io.Reader
	size int64
	io.Closer
}

// newSite collects the pages; the image must be in the store.
func newSite(c *Config, start spec.UnitStart) (*site, error) {
	programs, err := ipxe.Open(c.IPXEDir)
	if err != nil {
		return nil, fmt.Errorf("netboot: %w", err)
	}
	store, err := imagestore.Open(start.ImageDir)
	if err != nil {
		return nil, fmt.Errorf("netboot: %w", err)
	}
	bundle, err := newBundle(c, start, store)
	if err != nil {
		return nil, fmt.Errorf("netboot: %w", err)
	}
	hex, err := c.Image.Hex()
	if err != nil {
		return nil, fmt.Errorf("netboot: %w", err)
	}
	return &site{
		kernel:   pathKernel(hex),
		programs: programs,
		pages: map[string]page{
			ipxe.PathScript: inMemory([]byte(bootScript(c.URL))),
			pathNode:        inMemory([]byte(nodeScript(c.URL, hex, *c.KernelArguments))),
			pathKernel(hex): inStore(store, c.Image, imagestore.FileKernel),
			pathInitrd(hex): padded(inStore(store, c.Image, imagestore.FileInitrd)),
			pathBundle(hex): padded(inMemory(bundle)),
		},
	}, nil
}

// newBundle makes the second initrd: who the cluster is, and the manifest that the root is checked against.
func newBundle(c *Config, start spec.UnitStart, store *imagestore.Store) ([]byte, error) {
	if _, err := store.Manifest(c.Image); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the image is not on this server, apply again to copy it: %w", err)
	} else if err != nil {
		return nil, err
	}
	path, err := store.Path(c.Image, imagestore.FileManifest)
	if err != nil {
		return nil, err
	}
	manifest, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	bundle, err := json.Marshal(spec.Bundle{Version: 1, Cluster: start.Cluster, Trust: start.Trust, Image: c.Image, Servers: c.Servers})
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return initramfs.Bundle(bundle, manifest)
}

// open opens what a clean path names; the error wraps fs.ErrNotExist if it names nothing.
func (s *site) open(path string) (*body, error) {
	if page, ok := s.pages[path]; ok {
		return page()
	}
	if name, ok := strings.CutPrefix(path, ipxe.PathPrograms); ok {
		f, err := s.programs.Open(name)
		if err != nil {
			return nil, err
		}
		return wholeFile(f)
	}
	return nil, fs.ErrNotExist
}

func inMemory(data []byte) page {
	return func() (*body, error) {
		return &body{bytes.NewReader(data), int64(len(data)), io.NopCloser(nil)}, nil
	}
}

func inStore(store *imagestore.Store, id spec.Digest, name string) page {
	return func() (*body, error) {
		path, err := store.Path(id, name)
		if err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return wholeFile(f)
	}
}

func wholeFile(f *os.File) (*body, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &body{f, info.Size(), f}, nil
}

// padded adds zeros up to a multiple of 4. On UEFI the kernel puts its initrds one after another as they are; one that begins at
// another offset is silently lost, and all after it.
func padded(p page) page {
	return func() (*body, error) {
		b, err := p()
		if err != nil {
			return nil, err
		}
		zeros := make([]byte, -b.size&3)
		return &body{io.MultiReader(io.LimitReader(b.Reader, b.size), bytes.NewReader(zeros)), b.size + int64(len(zeros)), b.Closer}, nil
	}
}
