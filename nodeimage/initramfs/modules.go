package initramfs

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"viver/nodeimage/depmod"
)

// Modules are the modules of one kernel. They are not changed after ReadModules.
type Modules struct {
	index  *depmod.Index
	byName map[string]string // name -> path
}

// ReadModules reads the indexes of the folder lib/modules/RELEASE (see depmod.Read).
func ReadModules(folder fs.FS) (*Modules, error) {
	index, err := depmod.Read(folder)
	if err != nil {
		return nil, fmt.Errorf("initramfs: kernel modules: %w", err)
	}
	m := &Modules{index: index, byName: make(map[string]string)}
	for _, file := range m.Files() {
		m.byName[depmod.Name(file)] = file
	}
	return m, nil
}

// Files returns the paths of all modules, sorted.
func (m *Modules) Files() []string { return slices.Sorted(maps.Keys(m.index.Deps)) }

// Closure returns the given modules (paths of Files) and all that they need, in an order in which they can be loaded: none
// stands before one that it needs. Soft dependencies are taken along; those that the kernel does not have as a module are
// left out. A file that is in a dependency but not in modules.dep is an error.
func (m *Modules) Closure(files ...string) ([]string, error) {
	w := walk{m: m, seen: make(map[string]bool)}
	for _, f := range files {
		if err := w.visit(f); err != nil {
			return nil, err
		}
	}
	return w.order, nil
}
