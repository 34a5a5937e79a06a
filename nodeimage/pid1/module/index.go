package module

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Index is what depmod wrote about the modules of one kernel. It is safe for concurrent use once read.
type Index struct {
	files   map[string][]string // name -> its file, then those that it depends on, last first
	aliases map[string][]alias  // bus of the modalias ("pci") -> patterns
	pre     map[string][]string // name -> modules that had better be loaded before it
	post    map[string][]string // name -> modules that had better be loaded after it
}

type alias struct{ pattern, module string }

// ReadIndex reads the indexes in dir, a folder /lib/modules/RELEASE. A missing index counts as empty, since a kernel may have
// everything built in.
func ReadIndex(dir fs.FS) (*Index, error) {
	x := &Index{files: map[string][]string{}, aliases: map[string][]alias{}, pre: map[string][]string{}, post: map[string][]string{}}
	for name, add := range map[string]func(string){"modules.dep": x.addDep, "modules.alias": x.addAlias, "modules.softdep": x.addSoftdep} {
		if err := eachLine(dir, name, add); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read the index of kernel modules: %w", err)
		}
	}
	return x, nil
}

// eachLine calls add with each line of a file that is not a comment.
func eachLine(dir fs.FS, name string, add func(line string)) error {
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' {
			add(line)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// addDep takes a line "kernel/fs/x.ko: kernel/lib/b.ko kernel/lib/a.ko". The one that all the others need stands last.
func (x *Index) addDep(line string) {
	file, needs, ok := strings.Cut(line, ":")
	if ok && file != "" {
		x.files[nameOf(file)] = append([]string{file}, strings.Fields(needs)...)
	}
}

// addAlias takes a line "alias pci:v00008086d* e1000e".
func (x *Index) addAlias(line string) {
	if f := strings.Fields(line); len(f) == 3 && f[0] == "alias" {
		bus, _, _ := strings.Cut(f[1], ":")
		x.aliases[bus] = append(x.aliases[bus], alias{f[1], f[2]})
	}
}

// addSoftdep takes a line "softdep r8169 pre: realtek post: x".
func (x *Index) addSoftdep(line string) {
	f := strings.Fields(line)
	if len(f) < 3 || f[0] != "softdep" {
		return
	}
	var into map[string][]string
	for name := nameOf(f[1]); len(f) > 2; f = f[1:] {
		switch word := f[2]; {
		case word == "pre:":
			into = x.pre
		case word == "post:":
			into = x.post
		case into != nil:
			into[name] = append(into[name], word)
		}
	}
}

// Match returns the modules whose aliases match a device's modalias, in the order of the index, or none.
func (x *Index) Match(modalias string) []string {
	bus, _, _ := strings.Cut(modalias, ":")
	var found []string
	for _, a := range x.aliases[bus] {
		if ok, err := path.Match(noSlash(a.pattern), noSlash(modalias)); ok && err == nil {
			found = append(found, a.module)
		}
	}
	return found
}

// noSlash hides slashes (they occur in the names of SMBIOS modaliases) from path.Match, whose * stops at them.
func noSlash(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// nameOf turns a module's file or name into the name that the kernel uses: "kernel/a/snd-hda.ko.xz" is "snd_hda".
func nameOf(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}
