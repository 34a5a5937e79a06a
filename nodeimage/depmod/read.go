package depmod

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

const (
	// maxFile bounds each index, in bytes; a full distribution kernel's largest has 2 MB.
	maxFile = 64 << 20
	// maxLine bounds a line of one, in bytes.
	maxLine = 1 << 20
)

// Read reads the indexes in a folder lib/modules/RELEASE. Only modules.dep must be there; without it the error wraps fs.ErrNotExist.
func Read(dir fs.FS) (*Index, error) {
	x := &Index{Deps: map[string][]string{}}
	for _, file := range []struct {
		name string
		add  func(fields []string) error
	}{{"modules.dep", x.addDep}, {"modules.alias", x.addAlias}, {"modules.softdep", x.addSoftdep}} {
		err := readLines(dir, file.name, file.add)
		if err != nil && (file.name == "modules.dep" || !errors.Is(err, fs.ErrNotExist)) {
			return nil, fmt.Errorf("depmod: %w", err)
		}
	}
	if err := x.readBuiltin(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("depmod: %w", err)
	}
	return x, nil
}

func (x *Index) readBuiltin(dir fs.FS) error {
	f, err := open(dir, "modules.builtin")
	if err != nil {
		return err
	}
	defer f.Close()
	x.Builtin, err = io.ReadAll(f)
	return err
}

// open opens a file that is not too large.
func open(dir fs.FS, name string) (fs.File, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%s: %d bytes, more than %d", name, info.Size(), maxFile)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readLines calls add with the fields of each line that is not a comment.
func readLines(dir fs.FS, name string, add func(fields []string) error) error {
	f, err := open(dir, name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || fields[0][0] == '#' {
			continue
		}
		if err := add(fields); err != nil {
			return fmt.Errorf("%s, line %d: %w", name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// addDep takes "kernel/fs/ext4/ext4.ko: kernel/fs/mbcache.ko kernel/fs/jbd2/jbd2.ko".
func (x *Index) addDep(fields []string) error {
	file, ok := strings.CutSuffix(fields[0], ":")
	if !ok {
		return fmt.Errorf("want FILE: FILE..., got %.200q", fields[0])
	}
	for _, f := range append([]string{file}, fields[1:]...) {
		if !fs.ValidPath(f) || !isFile(f) {
			return fmt.Errorf("%.200q is not the path of a module below lib/modules/RELEASE", f)
		}
	}
	x.Deps[file] = fields[1:]
	return nil
}

// addAlias takes "alias pci:v00008086d00001* e1000".
func (x *Index) addAlias(fields []string) error {
	if len(fields) != 3 || fields[0] != "alias" {
		return errors.New("want alias PATTERN NAME")
	}
	x.Aliases = append(x.Aliases, Alias{fields[1], Name(fields[2])})
	return nil
}

// addSoftdep takes "softdep ext4 pre: crc32c post: other". Some modules leave out the "pre:"; modprobe(8) then sees
// nothing, while we rather take one too many.
func (x *Index) addSoftdep(fields []string) error {
	if len(fields) < 2 || fields[0] != "softdep" {
		return errors.New("want softdep NAME, then pre: or post: and names")
	}
	s := Softdep{Module: Name(fields[1])}
	list := &s.Pre
	for _, f := range fields[2:] {
		switch f {
		case "pre:":
			list = &s.Pre
		case "post:":
			list = &s.Post
		default:
			*list = append(*list, f)
		}
	}
	x.Soft = append(x.Soft, s)
	return nil
}
