package imagestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"viver/nodeimage/spec"
)

// Draft is an image that is being put into a store. It ends with Commit or Abort, or with the process. It is not safe for
// concurrent use.
type Draft struct {
	store    *Store
	id       spec.Digest
	manifest *spec.Manifest
	dir      string
	lock     *os.File // nil: the draft has ended
	written  map[string]bool
}

// Create begins to put the image with this manifest into the store. The error wraps fs.ErrExist when the image is there.
func (s *Store) Create(m *spec.Manifest) (*Draft, error) {
	data, id, err := m.Encode()
	if err != nil {
		return nil, fmt.Errorf("imagestore: create image: %w", err)
	}
	if len(m.Files) != 2 { // Validate saw the two that are needed
		return nil, fmt.Errorf("imagestore: create image %s: it has %d boot files; this viver knows %s and %s only", id, len(m.Files), FileKernel, FileInitrd)
	}
	if _, err := s.Path(id, FileManifest); err == nil {
		return nil, fmt.Errorf("imagestore: create image %s in %s: %w", id, s.dir, fs.ErrExist)
	}
	dir, lock, err := s.newDraft()
	if err != nil {
		return nil, fmt.Errorf("imagestore: create image %s: %w", id, err)
	}
	d := &Draft{store: s, id: id, manifest: m, dir: dir, lock: lock, written: make(map[string]bool)}
	if err := d.writeManifest(data); err != nil {
		return nil, errors.Join(fmt.Errorf("imagestore: create image %s: %w", id, err), d.Abort())
	}
	return d, nil
}

// ID returns the ID that the image will have.
func (d *Draft) ID() spec.Digest { return d.id }

// Write puts one file (FileRoot, FileKernel or FileInitrd) into the draft. It reads r to its end and refuses whatever is not
// what the manifest says, at the first chunk that differs; the draft then is as it was before.
func (d *Draft) Write(name string, r io.Reader) error {
	return d.add(name, func(path string) error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return err
		}
		err = verify(d.manifest, name, io.TeeReader(r, f))
		if err == nil {
			err = f.Sync()
		}
		return errors.Join(err, f.Close())
	})
}

// adopt moves a finished file into the draft after verifying it. A file on another file system is copied.
func (d *Draft) adopt(name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("imagestore: image %s: %s: %w", d.id, name, err)
	}
	defer f.Close()
	err = d.add(name, func(path string) error {
		err := verify(d.manifest, name, f)
		if err == nil {
			err = f.Sync()
		}
		if err == nil {
			err = os.Rename(from, path)
		}
		return err
	})
	if !errors.Is(err, unix.EXDEV) {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("imagestore: image %s: %s: %w", d.id, name, err)
	}
	if err := d.Write(name, f); err != nil {
		return err
	}
	return os.Remove(from)
}

// add lets put bring about the file with this name, and takes it away if that fails.
func (d *Draft) add(name string, put func(path string) error) error {
	if d.lock == nil {
		return fmt.Errorf("imagestore: image %s: %s: the draft has ended", d.id, name)
	}
	if name != FileRoot && name != FileKernel && name != FileInitrd {
		return fmt.Errorf("imagestore: image %s: an image has no file %q", d.id, name)
	}
	path := filepath.Join(d.dir, name)
	if err := put(path); err != nil {
		os.Remove(path)
		d.written[name] = false
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
			err = fmt.Errorf("the disk with %s is full, and the image has %d MB: make room there: %w", d.store.dir, d.manifest.Root.Size/1e6, err)
		}
		return fmt.Errorf("imagestore: image %s: %s: %w", d.id, name, err)
	}
	d.written[name] = true
	return nil
}

func (d *Draft) writeManifest(data []byte) error {
	f, err := os.OpenFile(filepath.Join(d.dir, FileManifest), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Commit makes the image visible and durable; all its files must have been written. The error wraps fs.ErrExist when somebody
// else has put the same image there meanwhile. The draft ends, whether that works or not.
func (d *Draft) Commit() error {
	if d.lock == nil {
		return fmt.Errorf("imagestore: commit image %s: the draft has ended", d.id)
	}
	if err := d.publish(); err != nil {
		return errors.Join(fmt.Errorf("imagestore: commit image %s: %w", d.id, err), d.Abort())
	}
	err := d.lock.Close()
	d.lock = nil
	return err
}

func (d *Draft) publish() error {
	for _, name := range []string{FileKernel, FileInitrd, FileRoot} {
		if !d.written[name] {
			return fmt.Errorf("%s was not written", name)
		}
	}
	if err := syncDir(d.dir); err != nil {
		return err
	}
	folder, err := d.store.folder(d.id)
	if err != nil {
		return err
	}
	if err := unix.Rename(d.dir, folder); err == unix.ENOTEMPTY || err == unix.EEXIST {
		return fmt.Errorf("%s: %w", folder, fs.ErrExist)
	} else if err != nil {
		return fmt.Errorf("rename to %s: %w", folder, err)
	}
	return syncDir(d.store.dir)
}

// Abort removes the draft. It does nothing after Commit or a first Abort, so it can be deferred.
func (d *Draft) Abort() error {
	if d.lock == nil {
		return nil
	}
	err := errors.Join(os.RemoveAll(d.dir), d.lock.Close())
	d.lock = nil
	if err != nil {
		return fmt.Errorf("imagestore: abort image %s: %w", d.id, err)
	}
	return nil
}

// Adopt makes an image of the finished files in dir (FileRoot, FileKernel, FileInitrd): they are verified and moved into the store; the
// folder itself stays. The error wraps fs.ErrExist when the store has the image. After an error dir may hold some of the
// files only.
func (s *Store) Adopt(m *spec.Manifest, dir string) (spec.Digest, error) {
	d, err := s.Create(m)
	if err != nil {
		return "", err
	}
	defer d.Abort()
	for _, name := range []string{FileKernel, FileInitrd, FileRoot} {
		if err := d.adopt(name, filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return d.id, d.Commit()
}
