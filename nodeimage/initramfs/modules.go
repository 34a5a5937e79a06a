package initramfs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// maxIndex bounds each of the files that depmod(8) writes; a full distribution kernel's largest has 2 MB.
const maxIndex = 64 << 20

// Modules is what depmod(8) found out about the modules of one kernel. It is not changed after ReadModules.
type Modules struct {
	deps    map[string][]string // path -> paths, in the order of modules.dep: what is needed first stands last
	byName  map[string]string   // name -> path
	aliases []alias             // in the order of modules.alias
	soft    []softdep           // in the order of modules.softdep
	builtin []byte              // modules.builtin, as it is
}

type alias struct{ pattern, name string }

type softdep struct {
	name      string
	pre, post []string
}

// ReadModules reads modules.dep, modules.alias, modules.softdep and modules.builtin of the folder lib/modules/RELEASE. Only the
// first must be there.
func ReadModules(folder fs.FS) (*Modules, error) {
	m := &Modules{deps: make(map[string][]string), byName: make(map[string]string)}
	for name, line := range map[string]func([]string) error{
		"modules.dep": m.addDep, "modules.alias": m.addAlias, "modules.softdep": m.addSoftdep,
	} {
		data, err := readFile(folder, name, maxIndex)
		if errors.Is(err, fs.ErrNotExist) && name != "modules.dep" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("initramfs: kernel modules: %w", err)
		}
		for i, text := range strings.Split(string(data), "\n") {
			fields := strings.Fields(text)
			if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
				continue
			}
			if err := line(fields); err != nil {
				return nil, fmt.Errorf("initramfs: kernel modules: %s, line %d: %w", name, i+1, err)
			}
		}
	}
	builtin, err := readFile(folder, "modules.builtin", maxIndex)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("initramfs: kernel modules: %w", err)
	}
	m.builtin = builtin
	return m, nil
}

// addDep takes "kernel/fs/ext4/ext4.ko: kernel/fs/mbcache.ko kernel/fs/jbd2/jbd2.ko".
func (m *Modules) addDep(fields []string) error {
	file, ok := strings.CutSuffix(fields[0], ":")
	if !ok {
		return fmt.Errorf("want FILE: FILE..., got %q", fields[0])
	}
	for _, f := range append([]string{file}, fields[1:]...) {
		if !fs.ValidPath(f) || moduleName(f) == "" {
			return fmt.Errorf("%q is not the path of a module below lib/modules/RELEASE", f)
		}
	}
	m.deps[file] = fields[1:]
	m.byName[moduleName(file)] = file
	return nil
}

// addAlias takes "alias pci:v00008086d00001* e1000".
func (m *Modules) addAlias(fields []string) error {
	if len(fields) != 3 || fields[0] != "alias" {
		return errors.New("want alias PATTERN NAME")
	}
	m.aliases = append(m.aliases, alias{fields[1], canonical(fields[2])})
	return nil
}

// addSoftdep takes "softdep ext4 pre: crc32c post: other". Some modules leave out the "pre:"; modprobe(8) then sees
// nothing, while we, who choose files, rather take one too many.
func (m *Modules) addSoftdep(fields []string) error {
	if len(fields) < 2 || fields[0] != "softdep" {
		return errors.New("want softdep NAME, then pre: or post: and names")
	}
	s := softdep{name: canonical(fields[1])}
	list := &s.pre
	for _, f := range fields[2:] {
		switch f {
		case "pre:":
			list = &s.pre
		case "post:":
			list = &s.post
		default:
			*list = append(*list, f)
		}
	}
	m.soft = append(m.soft, s)
	return nil
}

// Files returns the paths of all modules, sorted.
func (m *Modules) Files() []string { return slices.Sorted(maps.Keys(m.deps)) }

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

// moduleName returns the name by which the kernel knows a module ("virtio_net" for "kernel/drivers/net/virtio-net.ko.xz"), and nothing if
// file is not named like a module.
func moduleName(file string) string {
	base := path.Base(plainName(file))
	name, ok := strings.CutSuffix(base, ".ko")
	if !ok {
		return ""
	}
	return canonical(name)
}

// canonical returns a module's name with underscores: both spellings mean the same module.
func canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }
