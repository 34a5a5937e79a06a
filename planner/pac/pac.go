// Package pac makes new Pacs and describes those that are there. It owns the skeleton of a Pac and the form of its documentation.
package pac

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"viver/planner/source/tree"
)

//go:embed skeleton
var skeleton embed.FS

// placeholder stands in the skeleton for the Pac's name.
const placeholder = "NAME"

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// New makes the folder dir with a Pac that works: a file on each node, its documentation and its test. It returns the names of the files.
func New(dir, name string) (files []string, err error) {
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("pac new: %q is no name for a Pac: names have lower-case letters, digits and hyphens, and begin with a letter", name)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("pac new: %s is there already, and is not empty: choose another name, or -C another folder", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("pac new: %w", err)
	}
	err = tree.Replace(dir, func(empty string) error {
		files, err = write(empty, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("pac new: %w", err)
	}
	return files, nil
}

func write(dir, name string) (files []string, err error) {
	templates, err := skeleton.ReadDir("skeleton")
	if err != nil {
		return nil, err
	}
	for _, t := range templates {
		text, err := skeleton.ReadFile("skeleton/" + t.Name())
		if err != nil {
			return nil, err
		}
		file := strings.ReplaceAll(t.Name(), placeholder, name)
		if err := os.WriteFile(filepath.Join(dir, file), []byte(strings.ReplaceAll(string(text), placeholder, name)), 0o644); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}
