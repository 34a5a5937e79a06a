package bootfiles

import (
	"bytes"
	"debug/elf"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// addProgram adds a program with all that is loaded to run it: its interpreter and its libraries, and theirs. Any other file is added
// alone.
func (c *collection) addProgram(name string) {
	name = c.real(name)
	if name == "" || c.found[name] {
		return
	}
	c.found[name] = true
	f, err := os.Open(filepath.Join(c.tree, name))
	if err != nil {
		return
	}
	defer f.Close()
	if program := scriptInterpreter(f); program != "" {
		c.addProgram(program)
		return
	}
	object, err := elf.NewFile(f)
	if err != nil {
		return
	}
	c.addProgram(interpreter(object))
	needed, _ := object.ImportedLibraries() // a static program has none
	for _, library := range needed {
		c.addLibrary(library, runPath(object, path.Dir(name)))
	}
}

// addCommand adds a program by its path, or by a name that is looked for where programs are.
func (c *collection) addCommand(name string) {
	if path.IsAbs(name) {
		c.addProgram(name)
		return
	}
	for _, dir := range []string{"usr/bin", "bin", "usr/sbin", "sbin"} {
		c.addProgram(path.Join(dir, name))
	}
}

// addLibrary adds a library from the first folder that has it.
func (c *collection) addLibrary(name string, first []string) {
	for _, dirs := range [][]string{first, c.libraries} {
		for _, dir := range dirs {
			if at := path.Join(dir, name); c.real(at) != "" {
				c.addProgram(at)
				return
			}
		}
	}
}

// scriptInterpreter returns the path behind #!, "" if there is none.
func scriptInterpreter(f io.ReaderAt) string {
	start := make([]byte, 128)
	n, _ := f.ReadAt(start, 0)
	line, ok := bytes.CutPrefix(start[:n], []byte("#!"))
	if !ok {
		return ""
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if words := strings.Fields(string(line)); len(words) > 0 {
		return words[0]
	}
	return ""
}

// interpreter returns the path of the dynamic linker, "" for a static program.
func interpreter(object *elf.File) string {
	for _, p := range object.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			data, _ := io.ReadAll(p.Open())
			return strings.TrimRight(string(data), "\x00")
		}
	}
	return ""
}

// runPath returns the folders that the object itself wants its libraries to be looked for in; dir is where it lies.
func runPath(object *elf.File, dir string) (dirs []string) {
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		lists, _ := object.DynString(tag)
		for _, list := range lists {
			for _, d := range strings.Split(list, ":") {
				dirs = append(dirs, strings.NewReplacer("$ORIGIN", dir, "${ORIGIN}", dir).Replace(d))
			}
		}
	}
	return dirs
}

// libraryFolders returns what /etc/ld.so.conf.d says, and the linker's own folders behind it.
func (c *collection) libraryFolders() (dirs []string) {
	files, _ := filepath.Glob(filepath.Join(c.tree, "etc/ld.so.conf.d/*.conf"))
	for _, name := range files {
		eachLine(name, func(line string) {
			if line = strings.TrimSpace(line); path.IsAbs(line) {
				dirs = append(dirs, line)
			}
		})
	}
	return append(dirs, "/lib64", "/usr/lib64", "/lib", "/usr/lib")
}
