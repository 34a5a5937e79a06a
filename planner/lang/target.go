package lang

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
)

// target is what a moved, removed or import block names, relative to the module in which it stands.
type target struct {
	addr.Pattern
	rng hcl.Range
}

// decodeTarget reads an address that is written as a reference: node.pc, node.pc[0], pac.boot["a"].node.pc. What is wrong is reported.
func (l *loader) decodeTarget(x hcl.Expression) (target, bool) {
	t, diags := hcl.AbsTraversalForExpr(x)
	if diags.HasErrors() {
		l.report(errorf(x.Range().Ptr(), "Invalid address", "The address of a block or Pac is wanted here, like node.pc, node.pc[0] or pac.boot; keys in it are written out."))
		return target{}, false
	}
	return l.traversalTarget(t, x.Range())
}

func (l *loader) traversalTarget(t hcl.Traversal, rng hcl.Range) (target, bool) {
	text, err := addressText(t)
	var p addr.Pattern
	if err == nil {
		p, err = addr.ParsePattern(text)
	}
	if err != nil {
		l.report(errorf(&rng, "Invalid address", "%s. Write the address of a block or Pac, like node.pc, node.pc[0] or pac.boot.", upperFirst(err.Error())))
		return target{}, false
	}
	if kind := p.Type; kind != "" && l.Schemas[kind] == nil {
		l.report(errorf(&rng, "Unknown type", "There is no type %q.%s", kind, suggest(kind, sortedKeys(l.Schemas))))
		return target{}, false
	}
	return target{Pattern: p, rng: rng}, true
}

// addressText writes a traversal as an address.
func addressText(t hcl.Traversal) (string, error) {
	var b strings.Builder
	for _, step := range t {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(step.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + step.Name)
		case hcl.TraverseIndex:
			switch k := step.Key; {
			case k.IsNull():
				return "", fmt.Errorf("address %q: null is no key", b.String())
			case k.Type() == cty.String:
				b.WriteString("[" + strconv.Quote(k.AsString()) + "]")
			default:
				b.WriteString("[" + k.AsBigFloat().Text('f', -1) + "]")
			}
		default:
			return "", fmt.Errorf("address %q: it names one thing, so it cannot have *", b.String())
		}
	}
	return b.String(), nil
}

// finds reports whether module m, or a Pac that it calls, declares the block or Pac that p names; what the keys are is not known yet.
func (m *module) finds(p addr.Pattern) bool {
	path := p.Module
	if p.IsModule() {
		path = path[:len(path)-1]
	}
	for _, c := range path {
		call := m.callNames[c.Name]
		if call == nil || call.callee == nil {
			return false
		}
		m = call.callee
	}
	if p.IsModule() {
		return m.callNames[p.Module[len(path)].Name] != nil
	}
	return m.byName[p.Type+"."+p.Name] != nil
}

// addresses lists the blocks and Pacs of a module, for suggestions.
func (m *module) addresses() []string {
	all := sortedKeys(m.byName)
	for _, name := range sortedKeys(m.callNames) {
		all = append(all, pacKind+"."+name)
	}
	return all
}

// occurrences returns the paths of Pacs by which modules are called, that of the root module first.
func (c *Config) occurrences() []occurrence {
	return c.root.occurrences(nil)
}

// occurrence is one place of a module in the tree of Pacs.
type occurrence struct {
	path []string
	m    *module
}

func (m *module) occurrences(path []string) []occurrence {
	all := []occurrence{{path, m}}
	for _, c := range m.calls {
		if c.callee != nil {
			all = append(all, c.callee.occurrences(append(path[:len(path):len(path)], c.name))...)
		}
	}
	return all
}

// below writes an address from the root: the Pacs of path have no keys, all instances of them are meant.
func below(path []string, p addr.Pattern) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteString(pacKind + "." + name + ".")
	}
	return b.String() + p.String()
}
