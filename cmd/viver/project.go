package main

import (
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/term"

	"viver/planner/lang"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/source"
	"viver/planner/state"
	"viver/planner/ui"
)

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
	o := ui.Options{Out: a.out, Types: p.types, Detail: a.detail}
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
	if err := p.report(p.read(a.found())); err != nil {
		return nil, err
	}
	inputs, diags := a.inputs(p.config.Variables())
	p.inputs = inputs
	return p, p.report(diags)
}

// read reads the configuration; remote has the Pacs that are not beside it.
func (p *project) read(remote source.Remote) (diags hcl.Diagnostics) {
	p.config, diags = lang.Load(p.dir, p.loadOptions(remote))
	return diags
}

func (p *project) loadOptions(remote source.Remote) lang.LoadOptions {
	schemas := map[string]*resource.Schema{}
	for name, t := range p.types {
		schemas[name] = t.Schema()
	}
	return lang.LoadOptions{Schemas: schemas, Builtin: builtin(), Remote: remote, Version: version}
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

// checks shows the asserts of check blocks that do not hold, with what is known by now.
func (p *project) checks() error {
	if p.evaluator == nil {
		return nil
	}
	checks, diags := p.evaluator.Checks()
	for _, c := range checks {
		if c.Status == lang.CheckFailed {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagWarning, Summary: "Check failed", Detail: c.Name + ": " + c.Message, Subject: c.Range.Ptr(),
			})
		}
	}
	return p.report(diags)
}

// planOptions are what a plan is made from. Each evaluation gets an evaluator of its own; the last one belongs to the plan.
func (p *project) planOptions(s *state.State, f scope) plan.Options {
	o := plan.Options{State: s, Types: p.types, Config: func() (plan.Walker, hcl.Diagnostics) {
		e, diags := lang.NewEvaluator(p.config, p.inputs)
		p.evaluator = e
		return e, diags
	}}
	f.options(&o)
	return o
}
