// Package oci keeps Pacs in OCI registries: one manifest (image-spec 1.1) with the artifact type below and a single layer, the Pac's files as a gzipped
// tar archive. It owns that form, and leaves the registry's protocol to oras. The same files always make the same manifest.
package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"

	"viver/planner/source"
	"viver/planner/source/tree"
)

// The media types of a Pac.
const (
	ArtifactType = "application/vnd.viver.pac.v1"
	LayerType    = "application/vnd.viver.pac.layer.v1.tar+gzip"
)

// maxManifest is the size in bytes of the largest manifest that is read.
const maxManifest = 1 << 20

// Registry reads and writes Pacs in registries. It is safe for concurrent use. Registries on this machine's loopback are spoken to by HTTP, all others by
// HTTPS; who one is there, docker's and podman's login files say.
type Registry struct {
	// Open returns the repository HOST/NAME; nil: the one in that registry. Tests have one that is a folder.
	Open func(location string) (Repository, error)
}

// Repository holds the Pacs of one name: one of a registry, or an OCI layout in a folder.
type Repository interface {
	oras.Target
	registry.TagLister
}

func (r Registry) open(location string) (Repository, error) {
	if r.Open != nil {
		return r.Open(location)
	}
	repository, err := remote.NewRepository(location)
	if err != nil {
		return nil, err
	}
	repository.PlainHTTP = loopback(repository.Reference.Host())
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, fmt.Errorf("login file of docker: %w", err)
	}
	repository.Client = &auth.Client{Client: retry.DefaultClient, Cache: auth.NewCache(), Credential: credentials.Credential(store)}
	return repository, nil
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Pin returns the digest of the manifest that the origin means now, and the tag if a version constraint chose one.
func (r Registry) Pin(ctx context.Context, o source.Origin) (tag, id string, err error) {
	repository, err := r.open(o.Location)
	if err != nil {
		return "", "", fmt.Errorf("oci://%s: %w", o.Location, err)
	}
	ref := o.Ref
	if o.Version != "" {
		var tags []string
		err := repository.Tags(ctx, "", func(more []string) error {
			tags = append(tags, more...)
			return nil
		})
		if err == nil {
			tag, err = source.Newest(tags, o.Version)
		}
		if err != nil {
			return "", "", fmt.Errorf("tags of oci://%s: %w", o.Location, err)
		}
		ref = tag
	}
	d, err := repository.Resolve(ctx, ref)
	if err != nil {
		return "", "", fmt.Errorf("oci://%s, %s: %w", o.Location, ref, err)
	}
	return tag, string(d.Digest), nil
}

// Get writes the files of the Pac whose manifest has the digest id into dir, an empty folder.
func (r Registry) Get(ctx context.Context, o source.Origin, id, dir string) error {
	repository, err := r.open(o.Location)
	if err == nil {
		err = get(ctx, repository, id, dir)
	}
	if err != nil {
		return fmt.Errorf("oci://%s@%s: %w", o.Location, id, err)
	}
	return nil
}

func get(ctx context.Context, repository Repository, id, dir string) (err error) {
	d, err := repository.Resolve(ctx, id)
	if err != nil {
		return err
	}
	if string(d.Digest) != id || d.Size > maxManifest {
		return fmt.Errorf("the registry answers with %s of %d bytes", d.Digest, d.Size)
	}
	data, err := content.FetchAll(ctx, repository, d) // checks the digest
	if err != nil {
		return err
	}
	layer, err := layerOf(data)
	if err != nil {
		return err
	}
	stream, err := repository.Fetch(ctx, layer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	checked := content.NewVerifyReader(stream, layer)
	if err := unpack(checked, dir); err != nil {
		return err
	}
	return checked.Verify()
}

// layerOf returns the one layer of a Pac's manifest.
func layerOf(data []byte) (ocispec.Descriptor, error) {
	var m ocispec.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("manifest: %w", err)
	}
	if m.ArtifactType != ArtifactType || len(m.Layers) != 1 || m.Layers[0].MediaType != LayerType {
		return ocispec.Descriptor{}, errors.New("it is no Pac: viver pac push makes one")
	}
	if size := m.Layers[0].Size; size < 0 || size > tree.MaxBytes {
		return ocispec.Descriptor{}, fmt.Errorf("it has %d bytes, more than the %d that a Pac may have", size, tree.MaxBytes)
	}
	return m.Layers[0], nil
}

var tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// Push puts the Pac in dir into a repository under a tag, and returns the digest of its manifest.
func (r Registry) Push(ctx context.Context, dir, location, tag string) (id string, err error) {
	if !tagForm.MatchString(tag) {
		return "", fmt.Errorf("oci: %q is no tag", tag)
	}
	repository, err := r.open(location)
	if err == nil {
		id, err = push(ctx, repository, dir, tag)
	}
	if err != nil {
		return "", fmt.Errorf("push to oci://%s:%s: %w", location, tag, err)
	}
	return id, nil
}

func push(ctx context.Context, repository Repository, dir, tag string) (string, error) {
	packed, err := pack(dir)
	if err != nil {
		return "", err
	}
	layer := content.NewDescriptorFromBytes(LayerType, packed)
	there, err := repository.Exists(ctx, layer)
	if err == nil && !there {
		err = repository.Push(ctx, layer, bytes.NewReader(packed))
	}
	if err != nil {
		return "", err
	}
	d, err := oras.PackManifest(ctx, repository, oras.PackManifestVersion1_1, ArtifactType, oras.PackManifestOptions{
		Layers: []ocispec.Descriptor{layer},
		// The time would make another manifest of the same files.
		ManifestAnnotations: map[string]string{ocispec.AnnotationCreated: "1970-01-01T00:00:00Z"},
	})
	if err != nil {
		return "", err
	}
	return string(d.Digest), repository.Tag(ctx, d, tag)
}
