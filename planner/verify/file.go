// Package verify runs the tests of a configuration: files *.test.viver.hcl with runs, each a plan or an apply and what must be true after it. It owns the
// form of these files and what counts as passed. The world in which it runs them comes from outside: a simulated one, or a lab.
package verify

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/lang"
	"viver/planner/simulate"
	"viver/planner/source"
)

// File is one file of tests.
type File struct {
	// Path is the file's name as the operator wrote it, and Dir its folder, with the configuration that it tests.
	Path, Dir string
	Runs      []*Run
	Mocks     []simulate.Mock
	// Lab asks for real machines; nil: simulated ones will do.
	Lab *Lab

	variables hcl.Attributes
	// own is the configuration that stands in the file itself; nil: the one of the folder is tested.
	own    hcl.Body
	source *hcl.File
}

// Run is one plan or apply.
type Run struct {
	Name string
	// PlanOnly: nothing is brought about.
	PlanOnly  bool
	Events    simulate.Events
	Range     hcl.Range
	variables hcl.Attributes
	asserts   []assert
	expected  []expectation
}

// assert is what must be true after a run.
type assert struct {
	condition, message hcl.Expression
}

// expectation is a rule that must be broken, or an instance that must fail.
type expectation struct {
	address string
	rng     hcl.Range
}

// Lab is a room of virtual machines.
type Lab struct {
	BIOS, UEFI int
	MemoryMB   int
}

var fileSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "run", LabelNames: []string{"name"}}, {Type: "variables"}, {Type: "mock", LabelNames: []string{"of"}}, {Type: "lab"},
}}

// Parse reads a file of tests; path is its name.
func Parse(path string, data []byte) (*File, hcl.Diagnostics) {
	if d := lang.CheckText(path, data); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	parsed, diags := hclsyntax.ParseConfig(data, path, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	p := parser{file: &File{Path: path, Dir: filepath.Dir(path), source: parsed}}
	content, rest, diags := parsed.Body.PartialContent(fileSchema)
	p.report(diags...)
	if slices.ContainsFunc(parsed.Body.(*hclsyntax.Body).Blocks, isConfiguration) {
		p.file.own = rest
	} else {
		_, diags := rest.Content(&hcl.BodySchema{})
		p.report(diags...)
	}
	for _, b := range content.Blocks {
		p.block(b)
	}
	if len(p.file.Runs) == 0 && !p.diags.HasErrors() {
		p.errorf(hcl.Range{Filename: path, Start: hcl.InitialPos, End: hcl.InitialPos}, "No runs", "A file of tests has at least one block run \"NAME\" { }.")
	}
	return p.file, p.diags
}

func isConfiguration(b *hclsyntax.Block) bool {
	return !slices.ContainsFunc(fileSchema.Blocks, func(h hcl.BlockHeaderSchema) bool { return h.Type == b.Type })
}

// Files returns the file's source for snippets in messages.
func (f *File) Files() map[string]*hcl.File { return map[string]*hcl.File{f.Path: f.source} }

type parser struct {
	file  *File
	diags hcl.Diagnostics
}

func (p *parser) report(diags ...*hcl.Diagnostic) { p.diags = append(p.diags, diags...) }

func (p *parser) errorf(at hcl.Range, summary, detail string, args ...any) {
	p.report(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: &at})
}

func (p *parser) block(b *hcl.Block) {
	switch b.Type {
	case "run":
		p.run(b)
	case "variables":
		if p.file.variables != nil {
			p.errorf(b.DefRange, "Variables given twice", "A file has one block variables.")
		}
		p.file.variables = p.attributes(b.Body)
	case "mock":
		p.mock(b)
	case "lab":
		p.lab(b)
	}
}

func (p *parser) attributes(body hcl.Body) hcl.Attributes {
	attrs, diags := body.JustAttributes()
	p.report(diags...)
	return attrs
}

// value evaluates an attribute that refers to nothing, if it is there.
func (p *parser) value(a *hcl.Attribute) (cty.Value, bool) {
	if a == nil {
		return cty.NilVal, false
	}
	v, diags := lang.Constant(a.Expr, source.Dir{}, nil)
	p.report(diags...)
	return v, !diags.HasErrors() && !v.IsNull() && v.IsWhollyKnown()
}

func (p *parser) mock(b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "values", Required: true}}})
	p.report(diags...)
	m := simulate.Mock{Values: map[string]cty.Value{}}
	if of, err := addr.ParsePattern(b.Labels[0]); err == nil && !isType(b.Labels[0]) {
		m.Of = of
	} else {
		m.Type = b.Labels[0]
	}
	v, ok := p.value(content.Attributes["values"])
	switch {
	case !ok:
		return
	case !v.Type().IsObjectType() && !v.Type().IsMapType():
		p.errorf(content.Attributes["values"].Expr.Range(), "Unsuitable value", "values is an object of computed attributes: { address = \"10.20.0.5\" }.")
		return
	}
	for name, value := range v.AsValueMap() {
		m.Values[name] = value
	}
	p.file.Mocks = append(p.file.Mocks, m)
}

// isType tells step.file, a type, from node.pc, an address.
func isType(label string) bool {
	return strings.HasPrefix(label, addr.StepPrefix) && strings.Count(label, ".") == 1
}

func (p *parser) lab(b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "bios"}, {Name: "uefi"}, {Name: "memory"}}})
	p.report(diags...)
	l := &Lab{MemoryMB: 1024}
	for name, number := range map[string]*int{"bios": &l.BIOS, "uefi": &l.UEFI, "memory": &l.MemoryMB} {
		v, ok := p.value(content.Attributes[name])
		if !ok {
			continue
		}
		n, exact := 0, v.Type() == cty.Number && v.AsBigFloat().IsInt()
		if exact {
			whole, _ := v.AsBigFloat().Int64()
			n = int(whole)
		}
		if !exact || n < 0 || n > 1<<20 {
			p.errorf(content.Attributes[name].Expr.Range(), "Unsuitable value", "%s is a whole number.", name)
		}
		*number = n
	}
	if p.file.Lab != nil {
		p.errorf(b.DefRange, "Lab given twice", "A file has one block lab.")
	}
	p.file.Lab = l
}
