package main

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"viver/planner/pac"
)

// Where the tests with booted machines are, and what configurations they use.
const (
	machineTestFiles = "testing/e2e/*_test.go"
	testFolder       = "testing/e2e"
	sharedFile       = "testing/e2e/room_test.go" // has no tests
)

var (
	// configuration is how a test names a folder with a configuration.
	configuration = regexp.MustCompile(`"((?:testdata|\.\./\.\./examples)/[a-z0-9-]+)"`)
	builtin       = regexp.MustCompile(`"builtin/([a-z0-9-]+)"`)
)

// machineTests returns the tests that use each Pac on booted machines: a Pac is used by a test that names it, by one that names a folder whose
// configuration names it, and where a Pac is used that uses it.
func machineTests(root fs.FS, all map[string]*pac.Doc) (map[string][]string, error) {
	tests, err := fs.Glob(root, machineTestFiles)
	if err != nil {
		return nil, err
	}
	users := map[string][]string{}
	for _, t := range tests {
		if t == sharedFile {
			continue
		}
		named, err := namedBy(root, t)
		if err != nil {
			return nil, err
		}
		for name := range within(named, all) {
			users[name] = append(users[name], t)
		}
	}
	return users, nil
}

// namedBy returns the Pacs that a test or its configurations name. Those tests that call open use the configuration of the example room.
func namedBy(root fs.FS, test string) (map[string]bool, error) {
	text, err := fs.ReadFile(root, test)
	if err != nil {
		return nil, err
	}
	files := []string{test}
	folders := configuration.FindAllStringSubmatch(string(text), -1)
	if strings.Contains(string(text), " open(t, ") {
		folders = append(folders, []string{"", "../../examples/room"})
	}
	for _, f := range folders {
		found, err := fs.Glob(root, path.Join(testFolder, f[1], "*.viver.hcl"))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	named := map[string]bool{}
	for _, f := range slices.Compact(files) {
		text, err := fs.ReadFile(root, f)
		if err != nil {
			return nil, err
		}
		for _, match := range builtin.FindAllStringSubmatch(string(text), -1) {
			named[match[1]] = true
		}
	}
	return named, nil
}

// within adds the Pacs that those in named use, at every depth.
func within(named map[string]bool, all map[string]*pac.Doc) map[string]bool {
	found := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		d := all[name]
		if d == nil || found[name] {
			return
		}
		found[name] = true
		for _, c := range d.Pacs {
			add(strings.TrimPrefix(c.Source, "builtin/"))
		}
	}
	for name := range named {
		add(name)
	}
	return found
}
