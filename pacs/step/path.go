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
	Path string `json:"path" required:"true" replaces:"true" doc:"Where, as an absolute path. Folders above it are made."`
	// Content and Source: one of them. Source is base64.
	Content *string `json:"content,omitempty" any:"true" doc:"Text that is in it. templatefile makes some of a template."`
	Source  *string `json:"source,omitempty" any:"true" file:"true" doc:"In the place of content: a file beside the configuration, with any bytes. Its value is what is in it, in base64."`
	Mode    string  `json:"mode" default:"0644" doc:"Permissions, octal."`
	Owner   string  `json:"owner,omitempty" doc:"User who owns it, by name or number; unset: not looked at."`
	Group   string  `json:"group,omitempty" doc:"Its group, by name or number; unset: not looked at."`
}

// Validate implements Config.
func (f *File) Validate() error {
	_, err := f.bytes()
	return errors.Join(checkPath("path", f.Path), err, checkAccess(f.Mode, f.Owner, f.Group))
}

// bytes are what is to be in the file.
func (f *File) bytes() ([]byte, error) {
	switch {
	case (f.Content == nil) == (f.Source == nil):
		return nil, errors.New("want content or source, one of them")
	case f.Content != nil:
		return []byte(*f.Content), nil
	}
	data, err := base64.StdEncoding.DecodeString(*f.Source)
	if err != nil {
		return nil, errors.New("source is not in base64: the configuration names a file, of which this is made")
	}
	return data, nil
}

func (f *File) arguments() []argument {
	data, _ := f.bytes() // Validate has refused others
	return append(access(f.Path, f.Mode, f.Owner, f.Group),
		argument{"content", base64.StdEncoding.EncodeToString(data)},
		argument{"size", strconv.Itoa(len(data))})
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
