// Package format brings configuration files into their usual form: indentation, spaces and aligned equals signs. It owns which files of a folder are to
// have that form, and changes nothing of what they say.
package format

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"viver/planner/lang"
	"viver/planner/source/fetch"
)

// maxSize is the size in bytes of the largest file that is formatted.
const maxSize = 16 << 20

// Source returns data, the content of the file with this name, in its usual form. It fails for what is no HCL.
func Source(name string, data []byte) ([]byte, hcl.Diagnostics) {
	if d := lang.CheckText(name, data); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	if _, diags := hclsyntax.ParseConfig(data, name, hcl.InitialPos); diags.HasErrors() {
		return nil, diags
	}
	return hclwrite.Format(data), nil
}

// Named reports whether a file of this name is one to be formatted: a configuration, a test, or values of variables, in HCL.
func Named(name string) bool {
	name = filepath.Base(name)
	return !strings.HasPrefix(name, ".") && (strings.HasSuffix(name, ".viver.hcl") || strings.HasSuffix(name, ".viver.vars"))
}

// Files lists the files to be formatted that paths mean, each once: a file itself, of a folder those in it, and with recursive those in the folders below.
// Hidden folders and fetched Pacs are left alone.
func Files(paths []string, recursive bool) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("format: %w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := within(path, recursive)
		if err != nil {
			return nil, fmt.Errorf("format: %w", err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

func within(dir string, recursive bool) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			if Named(path) {
				files = append(files, path)
			}
		case path == dir:
		case !recursive, strings.HasPrefix(d.Name(), "."), strings.HasSuffix(filepath.ToSlash(path), fetch.VendorFolder):
			return fs.SkipDir
		}
		return nil
	})
	return files, err
}

// Read reads a file to be formatted.
func Read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("format: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("format: %s is not a regular file", name)
	case info.Size() > maxSize:
		return nil, fmt.Errorf("format: %s is larger than %d MiB", name, maxSize>>20)
	}
	return os.ReadFile(name)
}

// Write replaces a file's content, as a whole or not at all. The file keeps its mode; a symbolic link stays one.
func Write(name string, data []byte) error {
	real, err := filepath.EvalSymlinks(name)
	if err == nil {
		err = renameio.WriteFile(real, data, 0o644, renameio.WithExistingPermissions(), renameio.WithTempDir(filepath.Dir(real)))
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("format: %w: change who may write it, or use --diff", err)
	}
	if err != nil {
		return fmt.Errorf("format: %w", err)
	}
	return nil
}
