package nbd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Device is what is exported. It is read from many goroutines at once.
type Device interface {
	// ReadAt fills p with the bytes from offset off, or returns an error. It does not touch p after it has returned.
	// It is never asked for bytes beyond the end.
	ReadAt(ctx context.Context, p []byte, off int64) error
	// Size returns the number of bytes; it does not change.
	Size() int64
}

// Ready is a Device that has some of its bytes at hand. What it can read without waiting is answered without a goroutine.
type Ready interface {
	Device
	// ReadNow fills p with the bytes from offset off if it can do so without waiting, and reports whether it did.
	ReadNow(p []byte, off int64) bool
}

// File is a Device: a file that is mapped into memory. It is safe for concurrent use. The file must not be made shorter
// while it is open.
type File struct {
	data []byte
}

// MapFile opens a file for reading. The file must not be empty.
func MapFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("nbd: %w", err)
	}
	defer f.Close() // the mapping stays
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("nbd: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 || int64(int(info.Size())) != info.Size() {
		return nil, fmt.Errorf("nbd: %s cannot be mapped: it is %v of %d bytes, not a file with contents", path, info.Mode().Type(), info.Size())
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("nbd: map %s: %w", path, err)
	}
	return &File{data: data}, nil
}

// ReadAt implements Device. A disk that cannot be read ends the program (SIGBUS), as with any mapped file; the Server does
// not go this way.
func (f *File) ReadAt(_ context.Context, p []byte, off int64) error {
	if off < 0 || off > f.Size() || copy(p, f.data[off:]) < len(p) {
		return fmt.Errorf("nbd: read %d bytes at %d of %d: %w", len(p), off, f.Size(), io.ErrUnexpectedEOF)
	}
	return nil
}

// Size implements Device.
func (f *File) Size() int64 { return int64(len(f.data)) }

// Close unmaps the file. Nobody may be reading it: a Server that exports it must have returned.
func (f *File) Close() error {
	if f.data == nil {
		return errors.New("nbd: file is closed already")
	}
	data := f.data
	f.data = nil
	return unix.Munmap(data)
}
