package step

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Sysctl is a setting of the kernel, now and in /etc/sysctl.d. Undo gives it back the value that it had.
type Sysctl struct {
	Name  string `json:"name" required:"true" replaces:"true" doc:"Which: \"net.ipv4.ip_forward\", or \"net/ipv4/conf/eth0.7/forwarding\" where a part has a dot."`
	Value string `json:"value" required:"true" doc:"Its value. How many spaces are between words does not matter."`
}

var sysctlName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_:@-]*([./][A-Za-z0-9_:@-][A-Za-z0-9_.:@-]*)+$`)

// Validate implements Config.
func (s *Sysctl) Validate() error {
	if !sysctlName.MatchString(s.Name) || path.Clean(s.key()) != s.key() {
		return fmt.Errorf("%q is no name of a setting: want one like \"net.ipv4.ip_forward\"", s.Name)
	}
	if s.words() == "" || strings.ContainsAny(s.Value, "\n\x00") {
		return fmt.Errorf("value %q: want one line of text", s.Value)
	}
	return nil
}

// key is the file of the setting (sysctl.d(5)): in a name whose first separator is a slash, dots are dots.
func (s *Sysctl) key() string {
	name := s.Name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		name = strings.ReplaceAll(name, ".", "/")
	}
	return "/proc/sys/" + name
}

func (s *Sysctl) words() string { return strings.Join(strings.Fields(s.Value), " ") }

func (s *Sysctl) arguments() []argument {
	return []argument{
		{"name", s.Name},
		{"value", s.words()},
		{"key", s.key()},
		{"path", "/etc/sysctl.d/90-viver-" + strings.ReplaceAll(s.Name, "/", "-") + ".conf"},
	}
}

// KernelModule is a module of the kernel that is loaded, now and when the machine starts. Undo unloads it, unless something uses it.
type KernelModule struct {
	Name    string   `json:"name" required:"true" replaces:"true" doc:"Its name: \"nfsd\"."`
	Options []string `json:"options,omitempty" doc:"Parameters, each as NAME=VALUE."`
}

var (
	moduleName   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)
	moduleOption = regexp.MustCompile(`^[A-Za-z0-9_]+=[!-~]+$`)
)

// Validate implements Config.
func (k *KernelModule) Validate() error {
	if !moduleName.MatchString(k.Name) {
		return fmt.Errorf("%q is no name of a module", k.Name)
	}
	for _, o := range k.Options {
		if !moduleOption.MatchString(o) || strings.ContainsAny(o, `"'*?[\#`) {
			return fmt.Errorf("options: %q is none: want NAME=VALUE, without spaces and quotes", o)
		}
	}
	return nil
}

// arguments: the kernel writes all names with underscores.
func (k *KernelModule) arguments() []argument {
	name := strings.ReplaceAll(k.Name, "-", "_")
	return []argument{
		{"name", name},
		{"options", strings.Join(k.Options, " ")},
		{"load", "/etc/modules-load.d/viver-" + name + ".conf"},
		{"with", "/etc/modprobe.d/viver-" + name + ".conf"},
	}
}
