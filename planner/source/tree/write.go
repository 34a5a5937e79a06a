package tree

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

// Writer writes a tree into a folder. Nothing that it is told can lead out of that.
type Writer struct {
	root  *os.Root
	files int
	bytes int64
}

// NewWriter writes into dir, an empty folder.
func NewWriter(dir string) (*Writer, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	return &Writer{root: root}, nil
}

// Add writes one entry; content gives the bytes of a file, as many as e.Size says.
func (w *Writer) Add(e Entry, content io.Reader) error {
	if err := e.check(); err != nil {
		return err
	}
	if w.files++; w.files > MaxFiles {
		return fmt.Errorf("it has more than %d files: that is no Pac", MaxFiles)
	}
	if w.bytes += e.Size; w.bytes > MaxBytes || e.Size < 0 {
		return fmt.Errorf("its files have more than %d MiB: that is no Pac", MaxBytes>>20)
	}
	if err := w.root.MkdirAll(path.Dir(e.Name), 0o755); err != nil {
		return err
	}
	if e.Kind == Link {
		return w.root.Symlink(e.Link, e.Name)
	}
	return w.file(e, content)
}

func (w *Writer) file(e Entry, content io.Reader) error {
	mode := os.FileMode(0o644)
	if e.Kind == Executable {
		mode = 0o755
	}
	f, err := w.root.OpenFile(e.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(content, e.Size))
	if err == nil && n != e.Size {
		err = fmt.Errorf("%s: %w", e.Name, io.ErrUnexpectedEOF)
	}
	return errors.Join(err, f.Chmod(mode), f.Close()) // whatever the umask
}

// Close ends the writing.
func (w *Writer) Close() error { return w.root.Close() }

// Copy copies the tree in from into the empty folder to.
func Copy(from, to string) error {
	list, err := List(from)
	if err != nil {
		return err
	}
	w, err := NewWriter(to)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := w.copy(from, e); err != nil {
			return errors.Join(fmt.Errorf("folder %s: %w", from, err), w.Close())
		}
	}
	return w.Close()
}

func (w *Writer) copy(from string, e Entry) error {
	if e.Kind == Link {
		return w.Add(e, nil)
	}
	f, err := os.Open(filepath.Join(from, filepath.FromSlash(e.Name)))
	if err != nil {
		return err
	}
	return errors.Join(w.Add(e, f), f.Close())
}

// Replace has make fill a new folder, and puts that in the place of dir once it is whole. Whatever happens, dir is the old folder or the new one, or,
// when the machine stops between two renames, missing.
func Replace(dir string, make func(empty string) error) (err error) {
	above := filepath.Dir(dir)
	if err := os.MkdirAll(above, 0o755); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(above, ".new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	fresh, old := filepath.Join(temporary, "new"), filepath.Join(temporary, "old")
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return err
	}
	if err := make(fresh); err != nil {
		return err
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(fresh, dir)
}
