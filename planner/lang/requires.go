package lang

import (
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// requires is a requires block: what a Pac expects of the images and machines on which it acts.
type requires struct {
	resource.Requirement // Pac is not set
	rng                  hcl.Range
}

// Requirement is a resource.Requirement with its place in the configuration: the pac block, or in the root module the requires block.
type Requirement struct {
	resource.Requirement
	Range hcl.Range
}

// requiredName is what names of distributions, packages and kernel modules have in common.
var requiredName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._:-]*$`)

func (l *loader) decodeRequires(m *module, b *hcl.Block) {
	if m.requires != nil {
		l.declared("the requires block", &m.requires.rng, b.DefRange)
		return
	}
	m.requires = &requires{rng: b.DefRange}
	arguments := []struct {
		name string
		to   *[]string
	}{
		{"distribution", &m.requires.Distributions},
		{"packages", &m.requires.Packages},
		{"kernel_modules", &m.requires.KernelModules},
	}
	schema := &hcl.BodySchema{}
	for _, a := range arguments {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: a.name})
	}
	content, diags := b.Body.Content(schema)
	l.report(diags...)
	for _, a := range arguments {
		given := content.Attributes[a.name]
		l.constant(given, cty.List(cty.String), func(v cty.Value) { *a.to = l.requiredNames(given, v) })
	}
}

func (l *loader) requiredNames(a *hcl.Attribute, list cty.Value) (names []string) {
	for _, e := range list.AsValueSlice() {
		if e.IsNull() || !requiredName.MatchString(e.AsString()) {
			l.report(errorf(a.Expr.Range().Ptr(), "Unsuitable value", "%q wants a list of names like [%q].", a.Name, map[string]string{
				"distribution": "debian", "packages": "nfs-common", "kernel_modules": "nfsd",
			}[a.Name]))
			return nil
		}
		names = append(names, e.AsString())
	}
	return names
}

// requirements are those of the module and of all from which it is called.
func (m *moduleInstance) requirements() []Requirement {
	if m.needs != nil {
		return m.needs
	}
	m.needs = []Requirement{}
	if r := m.module.requires; r != nil {
		need := Requirement{Requirement: r.Requirement, Range: r.rng}
		if need.Pac = m.path.String(); m.call != nil {
			need.Range = m.call.call.rng
		}
		m.needs = append(m.needs, need)
	}
	if m.call != nil {
		m.needs = append(m.needs, m.call.in.requirements()...)
	}
	return m.needs
}
