package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"viver/planner/source/tree"
)

// pack makes an archive of the tree in dir, without what git and viver keep there: sorted, without owners and times.
func pack(dir string) ([]byte, error) {
	list, err := tree.List(dir, ".git", ".viver")
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	for _, e := range list {
		if err := add(archive, dir, e); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

func add(archive *tar.Writer, dir string, e tree.Entry) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: e.Name, Size: e.Size, Mode: 0o644, Linkname: e.Link, Format: tar.FormatPAX}
	switch e.Kind {
	case tree.Link:
		h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
	case tree.Executable:
		h.Mode = 0o755
	}
	if err := archive.WriteHeader(h); err != nil || e.Kind == tree.Link {
		return err
	}
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(e.Name)))
	if err != nil {
		return err
	}
	_, err = io.CopyN(archive, f, e.Size)
	return errors.Join(err, f.Close())
}

// unpack writes the files of an archive into dir, an empty folder. Folders in it say nothing; anything but files and links is refused.
func unpack(packed io.Reader, dir string) (err error) {
	zip, err := gzip.NewReader(packed)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	w, err := tree.NewWriter(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	// Headers and padding come on top of the files.
	plain := io.LimitReader(zip, tree.MaxBytes+tree.MaxFiles*8192)
	archive := tar.NewReader(plain)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		e, isEntry, err := entryOf(h)
		if err == nil && isEntry {
			err = w.Add(e, archive)
		}
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
	}
	// To the end, so that the digest of all of it is checked.
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	_, err = io.Copy(io.Discard, packed)
	return err
}

func entryOf(h *tar.Header) (e tree.Entry, ok bool, err error) {
	e = tree.Entry{Name: strings.TrimPrefix(h.Name, "./"), Kind: tree.File, Size: h.Size, Link: h.Linkname}
	switch h.Typeflag {
	case tar.TypeReg:
		if h.Mode&0o100 != 0 {
			e.Kind = tree.Executable
		}
	case tar.TypeSymlink:
		e.Kind, e.Size = tree.Link, 0
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return e, false, nil
	default:
		return e, false, fmt.Errorf("%s is neither a file nor a link", h.Name)
	}
	return e, true, nil
}
