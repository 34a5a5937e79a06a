package lang

import (
	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// decodeSettings reads the viver block.
func (l *loader) decodeSettings(m *module, b *hcl.Block) {
	if m.settings != nil {
		l.declared("the viver block", m.settings, b.DefRange)
		return
	}
	m.settings = &b.DefRange
	content, diags := b.Body.Content(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "required_version"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "requires"}, stateBlock},
	})
	l.report(diags...)
	a := content.Attributes["required_version"]
	l.constant(a, cty.String, func(v cty.Value) { l.checkVersion(a, v.AsString()) })
	for _, inner := range content.Blocks {
		switch inner.Type {
		case "requires":
			l.decodeRequires(m, inner)
		case "state":
			l.checkState(m, inner)
		}
	}
}

func (l *loader) checkVersion(a *hcl.Attribute, want string) {
	constraint, err := version.NewConstraint(want)
	if err != nil {
		l.report(errorf(a.Expr.Range().Ptr(), "Invalid version constraint", "%q is no version constraint; write one like \"~> 0.1\" or \">= 0.1, < 2\".", want))
		return
	}
	if l.Version == "" {
		return
	}
	have, err := version.NewVersion(l.Version)
	if err != nil {
		l.report(errorf(a.Expr.Range().Ptr(), "Version unknown", "This viver calls itself %q, which is no version: required_version cannot be checked.", l.Version))
		return
	}
	// A build before a release is judged as that release.
	if !constraint.Check(have.Core()) {
		l.report(errorf(a.Expr.Range().Ptr(), "Other version of viver required", "This module needs viver %s; this is %s. Install a fitting version, or change required_version.", want, l.Version))
	}
}
