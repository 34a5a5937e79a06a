package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"viver/planner/lang"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
	"viver/planner/ui"
)

// variablePrefix begins the names of environment variables that set variables: VIVER_VAR_rooms.
const variablePrefix = "VIVER_VAR_"

// project is one configuration with its state and the types that it can use.
type project struct {
	*app
	view      ui.View
	stateDir  string
	types     map[string]resource.Type
	config    *lang.Config
	inputs    []lang.Input
	evaluator *lang.Evaluator // the one made last
}

// variableFlags adds the flags by which variables get their values.
func (a *app) variableFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.vars, "var", nil, "value of a variable, NAME=VALUE; can be repeated")
	cmd.Flags().StringArrayVar(&a.varFiles, "var-file", nil, "file with values of variables; can be repeated")
}

// open makes a project without reading the configuration.
func (a *app) open() *project {
	p := &project{app: a, stateDir: filepath.Join(a.dir, state.Folder), types: map[string]resource.Type{}}
	for _, t := range a.types(p.stateDir) {
		p.types[t.Name()] = t
	}
	if a.json {
		p.view = ui.NewJSON(a.out)
		return p
	}
	o := ui.Options{Out: a.out, Types: p.types}
	if out, ok := a.out.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		o.Live, o.Color = true, os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		if width, _, err := term.GetSize(int(out.Fd())); err == nil {
			o.Width = width
		}
	}
	p.view = ui.NewHuman(o)
	return p
}

// load makes a project and reads its configuration and variables. Errors have been shown when it returns one.
func (a *app) load() (*project, error) {
	p := a.open()
	schemas := map[string]*resource.Schema{}
	for name, t := range p.types {
		schemas[name] = t.Schema()
	}
	config, diags := lang.Load(a.dir, lang.LoadOptions{Schemas: schemas, Builtin: builtin(), Version: version})
	p.config = config
	if err := p.report(diags); err != nil {
		return nil, err
	}
	inputs, diags := a.inputs()
	p.inputs = inputs
	return p, p.report(diags)
}

// report shows diagnostics, and returns errReported if there are errors among them.
func (p *project) report(diags hcl.Diagnostics) error {
	if len(diags) == 0 {
		return nil
	}
	var files map[string]*hcl.File
	if p.config != nil {
		files = p.config.Files()
	}
	p.view.Diagnostics(diags, files)
	if diags.HasErrors() {
		return errReported
	}
	return nil
}

// inputs are the values of variables; later ones count more: the environment, files, flags.
func (a *app) inputs() (inputs []lang.Input, diags hcl.Diagnostics) {
	for _, e := range os.Environ() {
		if rest, ok := strings.CutPrefix(e, variablePrefix); ok {
			name, value, _ := strings.Cut(rest, "=")
			inputs = append(inputs, lang.Input{Name: name, Text: value, Source: variablePrefix + name})
		}
	}
	for _, path := range a.varFiles {
		more, d := lang.ReadVarFile(path)
		inputs, diags = append(inputs, more...), append(diags, d...)
	}
	for _, v := range a.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Value without a name", Detail: fmt.Sprintf("--var %s: write --var NAME=VALUE.", v),
			})
			continue
		}
		inputs = append(inputs, lang.Input{Name: name, Text: value, Source: "--var"})
	}
	return inputs, diags
}

// planOptions are what a plan is made from. Each evaluation gets an evaluator of its own; the last one belongs to the plan.
func (p *project) planOptions(s *state.State, f scope) plan.Options {
	return plan.Options{State: s, Types: p.types, Refresh: f.refresh, Targets: f.targets, Config: func() (plan.Walker, hcl.Diagnostics) {
		e, diags := lang.NewEvaluator(p.config, p.inputs)
		p.evaluator = e
		return e, diags
	}}
}

// command is how to type this command again: with what was given on the command line.
func command() string {
	words := []string{"viver"}
	for _, w := range os.Args[1:] {
		if strings.ContainsAny(w, " \t\n'\"\\$&|;<>*?()[]{}`!#~") || w == "" {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}
