package initramfs

import (
	"fmt"
	"slices"

	"viver/nodeimage/depmod"
)

// walk goes depth first through the dependencies.
type walk struct {
	m     *Modules
	seen  map[string]bool
	order []string
}

func (w *walk) visit(file string) error {
	if w.seen[file] {
		return nil
	}
	w.seen[file] = true
	deps, ok := w.m.index.Deps[file]
	if !ok {
		return fmt.Errorf("initramfs: kernel modules: %s is not in modules.dep: run depmod", file)
	}
	pre, post := w.m.softdeps(depmod.Name(file))
	for _, f := range pre {
		if err := w.visit(f); err != nil {
			return err
		}
	}
	for _, f := range slices.Backward(deps) { // modules.dep has them last first
		if err := w.visit(f); err != nil {
			return fmt.Errorf("%w (needed by %s)", err, file)
		}
	}
	w.order = append(w.order, file)
	for _, f := range post {
		if err := w.visit(f); err != nil {
			return err
		}
	}
	return nil
}

// softdeps returns the files of a module's soft dependencies.
func (m *Modules) softdeps(name string) (pre, post []string) {
	for _, s := range m.index.Soft {
		if s.Module == name {
			pre = append(pre, m.resolve(s.Pre)...)
			post = append(post, m.resolve(s.Post)...)
		}
	}
	return pre, post
}

// resolve returns the files of names, each of which may be a module's name or an alias without wildcards ("crypto-crc32c").
func (m *Modules) resolve(names []string) []string {
	var files []string
	for _, name := range names {
		if f, ok := m.byName[depmod.Name(name)]; ok {
			files = append(files, f)
			continue
		}
		for _, a := range m.index.Aliases {
			if f, ok := m.byName[a.Module]; ok && a.Pattern == name {
				files = append(files, f)
			}
		}
	}
	return files
}
