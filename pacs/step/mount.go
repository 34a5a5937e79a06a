package step

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Mount is a file system at a place. Undo unmounts it, lazily if it is busy for long.
type Mount struct {
	Path       string   `json:"path" required:"true" replaces:"true" doc:"Where, as an absolute path. The folder is made if it is not there."`
	Source     string   `json:"source" required:"true" doc:"What: \"10.20.0.1:/srv/home\", \"/dev/sda1\", \"LABEL=data\", \"tmpfs\"."`
	FSType     string   `json:"type" default:"auto" doc:"Type of the file system: nfs, cifs, ext4, tmpfs."`
	Options    []string `json:"options,omitempty" doc:"Options of mount(8)."`
	Persistent *bool    `json:"persistent,omitempty" doc:"Whether /etc/fstab has it too, so that a server mounts it when it starts. A node mounts it at each boot anyway; in an image it must be true."`
}

var fsType = func(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" && s[0] != '-'
}

// Validate implements Config.
func (m *Mount) Validate() error {
	if err := checkPath("path", m.Path); err != nil {
		return err
	}
	if m.Source == "" || strings.HasPrefix(m.Source, "-") || strings.ContainsAny(m.Source, "\n\x00") {
		return fmt.Errorf("source %q: want what is to be mounted, like \"10.20.0.1:/srv/home\"", m.Source)
	}
	if !fsType(m.FSType) {
		return fmt.Errorf("type %q is no name of a file system", m.FSType)
	}
	for _, o := range m.Options {
		if err := checkOption(o); err != nil {
			return err
		}
	}
	return nil
}

// checkOption refuses what would be several options, and passwords: a command line is seen by everybody on the machine.
func checkOption(option string) error {
	name, _, _ := strings.Cut(option, "=")
	switch {
	case slices.Contains([]string{"password", "pass", "passwd", "password2"}, name):
		return fmt.Errorf("options: %s would be seen in the list of processes: write it into a file, and name that with credentials=", name)
	case option == "" || strings.ContainsAny(option, ", \t\n\x00"):
		return fmt.Errorf("options: %q is not one option: write each as an element of the list", option)
	case name == "remount" || name == "move":
		return errors.New("options: " + name + " changes another mount: mount what you want in the first place")
	}
	return nil
}

func (m *Mount) arguments() []argument {
	return []argument{
		{"path", m.Path},
		{"source", m.Source},
		{"fstype", m.FSType},
		{"options", strings.Join(m.Options, ",")},
		{"flags", strings.Join(m.flags(), " ")},
		{"bound", flagWord(slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind"))},
		{"persistent", flagWord(m.Persistent != nil && *m.Persistent)},
		{"line", m.line()},
	}
}

// flags are the options which the kernel shows of every mount, so that they can be compared.
func (m *Mount) flags() []string {
	return slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool {
		return !slices.Contains([]string{"ro", "rw", "nosuid", "nodev", "noexec", "noatime", "nodiratime"}, o)
	})
}

// line is that of fstab(5).
func (m *Mount) line() string {
	options := "defaults"
	if len(m.Options) > 0 {
		options = strings.Join(m.Options, ",")
	}
	escape := strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "#", `\043`).Replace
	return strings.Join([]string{escape(m.Source), escape(m.Path), m.FSType, options, "0", "0"}, " ")
}

// flagWord is the shell's word for a truth value: 1 or nothing.
func flagWord(b bool) string {
	if b {
		return "1"
	}
	return ""
}
