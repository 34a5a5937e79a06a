package lang

import (
	"github.com/hashicorp/hcl/v2"
)

// expression is an HCL expression with the references in it.
type expression struct {
	hcl.Expression
	refs []reference
}

// newExpression prepares an expression that was just parsed; it changes parts of it.
func newExpression(e hcl.Expression) *expression {
	x := &expression{Expression: e, refs: append(references(e.Variables()), functionCalls(e)...)}
	if native, ok := nativeOf(e); ok {
		shareParts(native)
		x.Expression = keepMarks(native)
	}
	return x
}

// perInstance reports whether the expression can differ between the instances of its block.
func (e *expression) perInstance() bool { return perInstance(e.refs) }

func perInstance(refs []reference) bool {
	for _, r := range refs {
		if r.isInstance() {
			return true
		}
	}
	return false
}

// reference is one name that an expression mentions.
type reference struct {
	root      string // "var", "local", "node", "step", "pac", "each", "count", "self", "path", callRoot
	name      string // "pc"; of a step "file.motd"; of each "key"
	rest      hcl.Traversal
	traversal hcl.Traversal // all of it; nil for calls
	malformed bool          // root without the names that it needs
	rng       hcl.Range
}

func references(traversals []hcl.Traversal) []reference {
	refs := make([]reference, 0, len(traversals))
	for _, t := range traversals {
		refs = append(refs, newReference(t))
	}
	return refs
}

func traversals(refs []reference) []hcl.Traversal {
	var all []hcl.Traversal
	for _, r := range refs {
		if r.traversal != nil {
			all = append(all, r.traversal)
		}
	}
	return all
}

func newReference(t hcl.Traversal) reference {
	r := reference{root: t.RootName(), traversal: t, rng: t.SourceRange()}
	names := 1
	switch r.root {
	case "self":
		names = 0
	case stepKind:
		names = 2
	}
	rest := t[1:]
	for range names {
		if len(rest) == 0 {
			r.malformed = true
			return r
		}
		attr, ok := rest[0].(hcl.TraverseAttr)
		if !ok {
			r.malformed = true
			return r
		}
		if r.name != "" {
			r.name += "."
		}
		r.name += attr.Name
		rest = rest[1:]
	}
	r.rest = rest
	return r
}

// isInstance reports whether r has another value in each instance of the block where it stands.
func (r reference) isInstance() bool {
	return r.root == "each" || r.root == "count" || r.root == "self" || r.isChanging()
}

// String returns the reference without what follows the object that it names: "node.pc".
func (r reference) String() string {
	if r.name == "" {
		return r.root
	}
	return r.root + "." + r.name
}

// attribute returns the first name after the object, if it is one: "server" in pac.boot.server.
func (r reference) attribute() (string, bool) {
	if len(r.rest) == 0 {
		return "", false
	}
	a, ok := r.rest[0].(hcl.TraverseAttr)
	return a.Name, ok
}
