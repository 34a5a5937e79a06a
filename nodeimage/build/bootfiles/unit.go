package bootfiles

import (
	"bufio"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// unitFolders are where systemd's units are, the first winning.
var unitFolders = []string{"etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}

// execLine finds the program of a unit's ExecStart and its like.
var execLine = regexp.MustCompile(`^Exec\w+=[-@:+!|]*([^\s]+)`)

// unitPrograms returns the programs of the units that some target wants, by path or by name.
func (c *collection) unitPrograms() (programs []string) {
	for _, dir := range unitFolders {
		for _, kind := range []string{"*.wants/*.service", "*.requires/*.service"} {
			wanted, _ := filepath.Glob(filepath.Join(c.tree, dir, kind))
			for _, name := range wanted {
				programs = append(programs, c.unit(filepath.Base(name))...)
			}
		}
	}
	return programs
}

// unit returns the programs of the unit with this name; one instance is like another.
func (c *collection) unit(name string) (programs []string) {
	if template, _, ok := strings.Cut(name, "@"); ok {
		name = template + "@.service"
	}
	for _, dir := range unitFolders {
		at, err := securejoin.SecureJoin(c.tree, path.Join(dir, name))
		if err != nil {
			continue
		}
		if _, err := os.Lstat(at); err != nil {
			continue
		}
		eachLine(at, func(line string) {
			if m := execLine.FindStringSubmatch(line); m != nil {
				programs = append(programs, m[1])
			}
		})
		return programs
	}
	return nil
}

// eachLine calls do with the lines of a file. A file that cannot be read, and a link that may lead out of the tree, has none.
func eachLine(name string, do func(line string)) {
	if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return
	}
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		do(lines.Text())
	}
}
