package step

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"viver/nodeimage/spec"
)

// Config is the document of one step: a pointer to File, Mount, User or another struct of this package.
type Config interface {
	// Validate reports what is wrong with the arguments.
	Validate() error
	// arguments are the variables that the type's shell functions read.
	arguments() []argument
}

// argument is one variable of the shell.
type argument struct{ name, value string }

// Type is one type of step. The tags of its struct's fields describe the arguments: json is the name, doc the explanation, default the value of an
// argument that is not set; required, replaces, sensitive and file are "true" where a resource.Attribute has the same; any is "true" of
// those of which one must be given.
type Type struct {
	Name string
	Doc  string
	New  func() Config // a new document with its defaults
}

// Types returns all types of step, in the order in which they are documented.
func Types() []Type {
	return []Type{
		newType[File]("file", "A file with this content."),
		newType[Directory]("directory", "A folder. What is in it is not looked at."),
		newType[Link]("link", "A symbolic link."),
		newType[Command]("command", "A shell script. Without creates, unless or check it is run once, and again when it was changed."),
		newType[Service]("service", "A service of systemd, OpenRC or sysvinit. What is not set stays as it is."),
		newType[Package]("package", "Packages of the machine's distribution, by apt, apk or dnf."),
		newType[Group]("group", "A group in /etc/group."),
		newType[User]("user", "An account in /etc/passwd. What is not set stays as it is."),
		newType[Mount]("mount", "A file system at a place. A remote one is tried again until its server is there, as long as the step's timeout."),
		newType[Sysctl]("sysctl", "A setting of the kernel, now and whenever the machine starts."),
		newType[KernelModule]("kernel_module", "A module of the kernel, loaded now and whenever the machine starts."),
		newType[WaitFor]("wait_for", "Waits for a server, a path or a command, as long as the step's timeout. It changes nothing."),
		newType[Fact]("fact", "What a shell script prints, as a value for others to use."),
		newType[Secret]("secret", "A fact with a sensitive value, which is neither shown nor stored: the key that a server has made for its cluster."),
	}
}

// configOf is a pointer to the struct T that is a Config.
type configOf[T any] interface {
	*T
	Config
}

func newType[T any, P configOf[T]](name, doc string) Type {
	return Type{Name: name, Doc: doc, New: func() Config {
		c := P(new(T))
		setDefaults(reflect.ValueOf(c).Elem())
		return c
	}}
}

// setDefaults fills the fields of a new document. Only strings have defaults.
func setDefaults(v reflect.Value) {
	for i := range v.NumField() {
		if value, ok := v.Type().Field(i).Tag.Lookup("default"); ok {
			v.Field(i).SetString(value)
		}
	}
}

// Decode reads and checks the document of s. Arguments that are null count as not set.
func Decode(s spec.Step) (Config, error) {
	for _, t := range Types() {
		if t.Name != s.Type {
			continue
		}
		c := t.New()
		if err := spec.Decode(s.Config, c); err != nil {
			return nil, fmt.Errorf("step %s: %w", s.ID, err)
		}
		if err := c.Validate(); err != nil {
			return nil, fmt.Errorf("step %s: %w", s.ID, err)
		}
		return c, nil
	}
	return nil, fmt.Errorf("step %s: there is no step type %q", s.ID, s.Type)
}

// optional is the shell's word for a truth value that may be absent.
func optional(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// canonical returns raw with object keys in order and no white space; "" for null.
func canonical(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil || v == nil {
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(data)
}
