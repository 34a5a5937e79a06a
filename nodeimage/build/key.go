package build

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"viver/nodeimage/spec"
)

// Versions of what this package does with its input: one is counted up with each change that makes another image of the same source, so
// that no old result is taken for a new one.
const (
	rootVersion = 8
	bootVersion = 1
)

// rootKey returns the name of a source's root in the cache.
func rootKey(ctx context.Context, src Source) (string, error) {
	tree := ""
	if dir := src.dir(); dir != "" {
		var err error
		if tree, err = treeDigest(ctx, dir); err != nil {
			return "", err
		}
	}
	return keyOf("root", rootVersion, src, tree)
}

// bootKey returns the name of the image that a root and a viver-node make.
func bootKey(root string, program []byte) string {
	key, _ := keyOf("boot", bootVersion, root, spec.DigestOf(program)) // strings always have a JSON form
	return key
}

// keyOf returns 64 hexadecimal digits that stand for the parts.
func keyOf(parts ...any) (string, error) {
	data, err := json.Marshal(parts)
	if err != nil {
		return "", err
	}
	return spec.DigestOf(data).Hex()
}

// treeDigest returns a digest of the names and metadata of all files of a tree, as far as it lies on one file system. It does not
// read the files.
func treeDigest(ctx context.Context, dir string) (string, error) {
	sum := sha256.New()
	var device uint64
	top := dir + "/" // dir may be a symbolic link
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if path == top {
			if !d.IsDir() {
				return fmt.Errorf("%s is no folder", dir)
			}
			device = st.Dev
		}
		target := ""
		if d.Type() == fs.ModeSymlink {
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		size := info.Size()
		if d.IsDir() {
			size = 0 // depends on the file system
		}
		fmt.Fprintf(sum, "%q %o %d %d %d %d %d %q\n", path[len(dir):], st.Mode, st.Uid, st.Gid, st.Rdev, size, info.ModTime().UnixNano(), target)
		if d.IsDir() && st.Dev != device {
			return fs.SkipDir
		}
		return ctx.Err()
	})
	if err != nil {
		return "", fmt.Errorf("look through the tree: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// maxProgram bounds viver-node.
const maxProgram = 512 << 20

// ReadProgram returns the viver-node binary, and refuses one that could not run alone.
func ReadProgram(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("viver-node: %w (make build makes it)", err)
	}
	defer f.Close()
	program, err := elf.NewFile(f)
	if err != nil {
		return nil, fmt.Errorf("viver-node: %s is no program: %w", path, err)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("viver-node: %s is not static: build it with CGO_ENABLED=0", path)
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxProgram+1))
	if err == nil && len(data) > maxProgram {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, fmt.Errorf("viver-node: %s: %w", path, err)
	}
	return data, nil
}
