package step

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// File is a file with a content. It replaces what stands at its path at once, or not at all; undo puts back what stood there.
type File struct {
	Path    string `json:"path" required:"true" replaces:"true" doc:"Where, as an absolute path. Folders above it are made."`
	Content string `json:"content" required:"true" doc:"What is in it."`
	Mode    string `json:"mode" default:"0644" doc:"Permissions, octal."`
	Owner   string `json:"owner,omitempty" doc:"User who owns it, by name or number; unset: not looked at."`
	Group   string `json:"group,omitempty" doc:"Its group, by name or number; unset: not looked at."`
}

// Validate implements Config.
func (f *File) Validate() error {
	return errors.Join(checkPath("path", f.Path), checkAccess(f.Mode, f.Owner, f.Group))
}

func (f *File) arguments() []argument {
	return append(access(f.Path, f.Mode, f.Owner, f.Group),
		argument{"content", base64.StdEncoding.EncodeToString([]byte(f.Content))},
		argument{"size", strconv.Itoa(len(f.Content))})
}

// Directory is a folder. Undo removes it if the step made it and nothing is in it.
type Directory struct {
	Path  string `json:"path" required:"true" replaces:"true" doc:"Where, as an absolute path. Folders above it are made."`
	Mode  string `json:"mode" default:"0755" doc:"Permissions, octal."`
	Owner string `json:"owner,omitempty" doc:"User who owns it, by name or number; unset: not looked at."`
	Group string `json:"group,omitempty" doc:"Its group, by name or number; unset: not looked at."`
}

// Validate implements Config.
func (d *Directory) Validate() error {
	return errors.Join(checkPath("path", d.Path), checkAccess(d.Mode, d.Owner, d.Group))
}

func (d *Directory) arguments() []argument { return access(d.Path, d.Mode, d.Owner, d.Group) }

// Link is a symbolic link. Undo puts back what stood there.
type Link struct {
	Path   string `json:"path" required:"true" replaces:"true" doc:"Where, as an absolute path. Folders above it are made."`
	Target string `json:"target" required:"true" doc:"Where it leads: an absolute path, or one that is relative to the link's folder."`
}

// Validate implements Config.
func (l *Link) Validate() error {
	if l.Target == "" || strings.ContainsAny(l.Target, "\n\x00") {
		return fmt.Errorf("target %q: want a path", l.Target)
	}
	return checkPath("path", l.Path)
}

func (l *Link) arguments() []argument { return []argument{{"path", l.Path}, {"target", l.Target}} }

func access(name, mode, owner, group string) []argument {
	bits, _ := strconv.ParseUint(mode, 8, 12) // Validate has refused others
	return []argument{{"path", name}, {"mode", strconv.FormatUint(bits, 8)}, {"owner", owner}, {"group", group}}
}

func checkPath(argument, name string) error {
	switch {
	case !path.IsAbs(name):
		return fmt.Errorf("%s %q is not absolute: begin it with /", argument, name)
	case path.Clean(name) != name:
		return fmt.Errorf("%s %q: write it as %q", argument, name, path.Clean(name))
	case name == "/":
		return fmt.Errorf("%s: / itself cannot be changed", argument)
	case strings.ContainsAny(name, "\n\x00"):
		return fmt.Errorf("%s %q has a line break or NUL in it", argument, name)
	}
	return nil
}

var accountName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$`)

func checkAccess(mode, owner, group string) error {
	if _, err := strconv.ParseUint(mode, 8, 12); err != nil {
		return fmt.Errorf("mode %q is not octal: write it like \"0644\"", mode)
	}
	for _, name := range []string{owner, group} {
		if name != "" && !accountName.MatchString(name) {
			return fmt.Errorf("%q is no name of a user or group", name)
		}
	}
	return nil
}
