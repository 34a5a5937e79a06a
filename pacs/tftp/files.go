package tftp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"viver/pacs/netboot/ipxe"
)

// files is what can be asked for.
type files struct {
	programs *ipxe.Programs
	extra    *os.Root // nil: none
}

func openFiles(programs, extra string) (*files, error) {
	p, err := ipxe.Open(programs)
	if err != nil {
		return nil, fmt.Errorf("tftp: %w", err)
	}
	f := &files{programs: p}
	if extra == "" {
		return f, nil
	}
	if f.extra, err = os.OpenRoot(extra); err != nil {
		return nil, fmt.Errorf("tftp: extra: %w", err)
	}
	return f, nil
}

func (f *files) close() {
	if f.extra != nil {
		f.extra.Close()
	}
}

// open opens the file that a client means by name. Names come raw from the wire: "/x", "..\x", "//a", "".
func (f *files) open(name string) (*os.File, error) {
	clean := strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
	file, err := f.programs.Open(clean)
	if errors.Is(err, fs.ErrNotExist) && f.extra != nil && clean != "" {
		return openRegular(f.extra, clean)
	}
	return file, err
}

// openRegular opens a regular file. A FIFO must not block it, and the library would announce a folder as a file of 2^63 bytes.
func openRegular(root *os.Root, name string) (*os.File, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("tftp: %s is not a file", name)
	}
	return root.Open(name)
}
