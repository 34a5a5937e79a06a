package main

import (
	"os"
	"strings"
)

// command is how to type this command again: with what was given on the command line, but for the values of sensitive variables.
func (p *project) command() string { return p.commandOf(os.Args[1:]) }

func (p *project) commandOf(args []string) string {
	words := []string{"viver"}
	for i, w := range args {
		if i > 0 && args[i-1] == "--var" {
			w = p.hidden(w)
		} else if value, ok := strings.CutPrefix(w, "--var="); ok {
			w = "--var=" + p.hidden(value)
		}
		words = append(words, quoted(w))
	}
	return strings.Join(words, " ")
}

// hidden is NAME=VALUE without the value, where the variable is sensitive or not known.
func (p *project) hidden(assignment string) string {
	name, _, _ := strings.Cut(assignment, "=")
	if p.config != nil {
		for _, v := range p.config.Variables() {
			if v.Name == name && !v.Sensitive {
				return assignment
			}
		}
	}
	return name + "=..."
}

// next is the command for what comes after a plan: verb, with the flags that say where the configuration is and what its variables are, and
// with those of the scope if the verb names no file.
func (p *project) next(verb string, s scope) string {
	var args []string
	if s.destroy && verb == "apply" {
		verb = "destroy"
	}
	if p.dir != "." {
		args = append(args, "-C", p.dir)
	}
	for _, path := range p.varFiles {
		args = append(args, "--var-file", path)
	}
	for _, v := range p.vars {
		args = append(args, "--var", v)
	}
	if verb == "apply" || verb == "destroy" {
		args = append(args, s.arguments()...)
	}
	return strings.Replace(p.commandOf(args), "viver", "viver "+verb, 1)
}

// quoted is a word as a shell wants it.
func quoted(w string) string {
	if strings.ContainsAny(w, " \t\n'\"\\$&|;<>*?()[]{}`!#~") || w == "" {
		return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return w
}
