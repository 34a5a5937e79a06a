package step

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Command is a shell script, with what tells whether it is to be run.
type Command struct {
	Run     string          `json:"run" required:"true" doc:"Shell script; it ends at its first failing command."`
	Creates string          `json:"creates,omitempty" doc:"Path that the command makes; where it is there, the command is not run."`
	Unless  string          `json:"unless,omitempty" doc:"Shell script; where it succeeds, the command is not run."`
	OnlyIf  string          `json:"onlyif,omitempty" doc:"Shell script; where it fails, the command is not run."`
	Check   string          `json:"check,omitempty" doc:"Shell script that succeeds where nothing is to be done; it must succeed after the command too."`
	RerunOn json.RawMessage `json:"rerun_on,omitempty" doc:"Any value; when it changes, the command is run again."`
	Undo    string          `json:"undo,omitempty" doc:"Shell script that takes back what the command did."`
}

// Validate implements Config.
func (c *Command) Validate() error {
	if strings.TrimSpace(c.Run) == "" {
		return errors.New("run is empty: write the command to run")
	}
	if c.Creates != "" {
		if err := checkPath("creates", c.Creates); err != nil {
			return err
		}
	}
	return checkScripts(c.Run, c.Unless, c.OnlyIf, c.Check, c.Undo)
}

func (c *Command) arguments() []argument {
	return []argument{
		{"run", c.Run},
		{"creates", c.Creates},
		{"unless", c.Unless},
		{"onlyif", c.OnlyIf},
		{"check", c.Check},
		{"undo", c.Undo},
		{"digest", shortDigest(c.Run)},
		{"trigger", shortDigest(canonical(c.RerunOn))},
	}
}

// Fact is a shell script whose output is a value.
type Fact struct {
	Run string `json:"run" required:"true" doc:"Shell script that prints the value and changes nothing. 64 KiB at most."`
}

// MaxFact is the number of bytes that a fact may have.
const MaxFact = 64 << 10

// Validate implements Config.
func (f *Fact) Validate() error {
	if strings.TrimSpace(f.Run) == "" {
		return errors.New("run is empty: write the command that prints the value")
	}
	return checkScripts(f.Run)
}

func (f *Fact) arguments() []argument { return []argument{{"run", f.Run}, {"hidden", ""}} }

// Secret is a Fact with a sensitive value.
type Secret struct {
	Run string `json:"run" required:"true" doc:"Shell script that prints the value and changes nothing. 64 KiB at most."`
}

// Validate implements Config.
func (s *Secret) Validate() error { return (*Fact)(s).Validate() }

func (s *Secret) arguments() []argument { return []argument{{"run", s.Run}, {"hidden", "1"}} }

// valued is the script of a step that has a value.
func valued(c Config) (script string, ok bool) {
	switch c := c.(type) {
	case *Fact:
		return c.Run, true
	case *Secret:
		return c.Run, true
	}
	return "", false
}

// Service is a service of the machine's init. Undo puts it back as it was found.
type Service struct {
	Name    string `json:"name" required:"true" replaces:"true" doc:"The service's name for its init."`
	Enabled *bool  `json:"enabled,omitempty" any:"true" doc:"Whether it starts with the machine; unset: as it is."`
	Running *bool  `json:"running,omitempty" any:"true" doc:"Whether it runs now; unset: as it is. In an image it is not looked at."`
}

var serviceName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@:-]*$`)

// Validate implements Config.
func (s *Service) Validate() error {
	if !serviceName.MatchString(s.Name) {
		return fmt.Errorf("%q is no name of a service", s.Name)
	}
	if s.Enabled == nil && s.Running == nil {
		return errors.New("set enabled or running: a service with neither has nothing to do")
	}
	return nil
}

func (s *Service) arguments() []argument {
	return []argument{{"name", s.Name}, {"enabled", optional(s.Enabled)}, {"running", optional(s.Running)}}
}

// Package is a set of packages. Undo removes those that were not there before.
type Package struct {
	Names []string `json:"names" required:"true" doc:"Names of packages, as the distribution has them."`
}

var packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._:-]*$`)

// Validate implements Config.
func (p *Package) Validate() error {
	if len(p.Names) == 0 {
		return errors.New("names is empty: name a package")
	}
	for _, name := range p.Names {
		if !packageName.MatchString(name) {
			return fmt.Errorf("%q is no name of a package", name)
		}
	}
	return nil
}

func (p *Package) arguments() []argument { return []argument{{"names", strings.Join(p.Names, " ")}} }

func checkScripts(scripts ...string) error {
	for _, s := range scripts {
		if strings.Contains(s, "\x00") {
			return errors.New("a shell script cannot hold a NUL")
		}
	}
	return nil
}

func shortDigest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}
