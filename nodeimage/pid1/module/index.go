package module

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"viver/nodeimage/depmod"
)

// Index is what depmod wrote about the modules of one kernel. It is safe for concurrent use once read.
type Index struct {
	files   map[string][]string       // name -> its file, then those that it depends on, last first
	aliases map[string][]depmod.Alias // bus of the modalias ("pci") -> patterns without slashes: see noSlash
	pre     map[string][]string       // name -> modules that had better be loaded before it
	post    map[string][]string       // name -> modules that had better be loaded after it
}

// ReadIndex reads the indexes in dir, a folder /lib/modules/RELEASE. A folder without any is an empty index, since a kernel may have
// everything built in.
func ReadIndex(dir fs.FS) (*Index, error) {
	found, err := depmod.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		found, err = new(depmod.Index), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the index of kernel modules: %w", err)
	}
	x := &Index{files: map[string][]string{}, aliases: map[string][]depmod.Alias{}, pre: map[string][]string{}, post: map[string][]string{}}
	for file, needs := range found.Deps {
		x.files[depmod.Name(file)] = append([]string{file}, needs...)
	}
	for _, a := range found.Aliases {
		bus, _, _ := strings.Cut(a.Pattern, ":")
		x.aliases[bus] = append(x.aliases[bus], depmod.Alias{Pattern: noSlash(a.Pattern), Module: a.Module})
	}
	for _, s := range found.Soft {
		x.pre[s.Module] = append(x.pre[s.Module], s.Pre...)
		x.post[s.Module] = append(x.post[s.Module], s.Post...)
	}
	return x, nil
}

// Match returns the modules whose aliases match a device's modalias, in the order of the index, or none.
func (x *Index) Match(modalias string) []string {
	bus, _, _ := strings.Cut(modalias, ":")
	var found []string
	modalias = noSlash(modalias)
	for _, a := range x.aliases[bus] {
		if ok, err := path.Match(a.Pattern, modalias); ok && err == nil {
			found = append(found, a.Module)
		}
	}
	return found
}

// noSlash hides slashes (they occur in the names of SMBIOS modaliases) from path.Match, whose * stops at them.
func noSlash(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
