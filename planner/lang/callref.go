package lang

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"viver/planner/resource"
)

// callRoot is the root of references that are calls of functions. No expression can refer to it.
const callRoot = " call"

// functionCalls returns the functions that an expression calls, as references with their names.
func functionCalls(x hcl.Expression) []reference {
	native, ok := nativeOf(x)
	if !ok {
		return nil
	}
	return nodeCalls(native)
}

func nodeCalls(node hclsyntax.Node) []reference {
	var calls []reference
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		if c, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			calls = append(calls, reference{root: callRoot, name: c.Name, rng: c.NameRange})
		}
		return nil
	})
	return calls
}

// bodyCalls returns the functions that are called in a body with dynamic blocks.
func bodyCalls(body hcl.Body, s *resource.Schema) []reference {
	content, _, _ := body.PartialContent(withDynamic(bodySchema(s)))
	var calls []reference
	for _, name := range sortedKeys(content.Attributes) {
		calls = append(calls, functionCalls(content.Attributes[name].Expr)...)
	}
	for _, b := range content.Blocks {
		calls = append(calls, blockCalls(b, s)...)
	}
	return calls
}

// blockCalls is bodyCalls for one block within a body with this schema.
func blockCalls(b *hcl.Block, s *resource.Schema) []reference {
	if b.Type != "dynamic" {
		if nested := s.Blocks[b.Type]; nested != nil {
			return bodyCalls(b.Body, &nested.Schema)
		}
		return nil
	}
	nested := s.Blocks[b.Labels[0]]
	if nested == nil {
		return nil
	}
	content, _, _ := b.Body.PartialContent(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "for_each"}}, Blocks: []hcl.BlockHeaderSchema{{Type: "content"}},
	})
	var calls []reference
	if a := content.Attributes["for_each"]; a != nil {
		calls = functionCalls(a.Expr)
	}
	for _, c := range content.Blocks {
		calls = append(calls, bodyCalls(c.Body, &nested.Schema)...)
	}
	return calls
}

// isChanging reports whether r calls a function that gives another answer each time.
func (r reference) isChanging() bool {
	return r.root == callRoot && slices.Contains(changing[:], trimCore(r.name))
}

// checkCall reports a function that does not exist.
func (l *loader) checkCall(r reference) {
	name := trimCore(r.name)
	switch doc, known := functionDocs()[name]; {
	case known && doc.Absent:
		l.report(errorf(&r.rng, "No such function here", "viver has no function %q: %s", name, doc.Text))
	case !known:
		l.report(errorf(&r.rng, "Unknown function", "There is no function %q.%s", r.name, suggest(name, functionNames())))
	}
}
