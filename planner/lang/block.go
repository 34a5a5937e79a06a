package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"viver/planner/resource"
)

// validLabels reports labels that are no names.
func (l *loader) validLabels(b *hcl.Block) bool {
	ok := true
	for i, label := range b.Labels {
		if !hclsyntax.ValidIdentifier(label) {
			l.report(errorf(&b.LabelRanges[i], "Invalid name", "%q is not a name: names have letters, digits, - and _, and begin with a letter.", label))
			ok = false
		}
	}
	return ok
}

// decodeBlock reads a network, image, server, node or step block.
func (l *loader) decodeBlock(m *module, raw *hcl.Block) {
	b := &block{kind: raw.Type, name: raw.Labels[len(raw.Labels)-1], body: raw.Body, rng: raw.DefRange}
	if raw.Type == stepKind {
		b.kind = stepPrefix + raw.Labels[0]
	}
	b.schema = l.Schemas[b.kind]
	if b.schema == nil {
		l.report(errorf(&raw.LabelRanges[0], "Unknown type of step", "There is no step type %q.%s The types are %s.", raw.Labels[0], suggest(raw.Labels[0], l.stepTypes()), strings.Join(l.stepTypes(), ", ")))
		return
	}
	content, diags := raw.Body.Content(withDynamic(b.bodySchema()))
	l.report(diags...)
	l.takeMeta(b, content)
	l.takeLifecycle(b, content)
	l.checkContent(content, b.schema)
	for name, a := range content.Attributes {
		if _, ok := b.schema.Attributes[name]; ok {
			b.attrs[name] = newExpression(a.Expr)
			b.refs = append(b.refs, b.attrs[name].refs...)
		}
	}
	b.findNested(content)
	slices.SortStableFunc(b.refs, func(x, y reference) int { return x.rng.Start.Byte - y.rng.Start.Byte })
	address := b.address()
	if old, ok := m.byName[address]; ok {
		l.declared(address, &old.rng, raw.DefRange)
		return
	}
	m.byName[address] = b
	m.blocks = append(m.blocks, b)
}

func (b *block) address() string { return b.kind + "." + b.name }

func (b *block) isStep() bool { return strings.HasPrefix(b.kind, stepPrefix) }

// metaArguments are those that a block has beside its schema's.
func (b *block) metaArguments() []hcl.AttributeSchema {
	meta := []hcl.AttributeSchema{{Name: "count"}, {Name: "for_each"}, {Name: "depends_on"}, {Name: "protect"}}
	if b.isStep() {
		meta = append(meta, hcl.AttributeSchema{Name: "on", Required: true}, hcl.AttributeSchema{Name: "timeout"})
	}
	return slices.DeleteFunc(meta, func(a hcl.AttributeSchema) bool { return b.schema.Attributes[a.Name] != nil })
}

func (b *block) bodySchema() *hcl.BodySchema {
	s := bodySchema(b.schema)
	s.Attributes = append(s.Attributes, b.metaArguments()...)
	if b.schema.Blocks[lifecycleBlock] == nil {
		s.Blocks = append(s.Blocks, hcl.BlockHeaderSchema{Type: lifecycleBlock})
	}
	return s
}

// bodySchema tells hcl the arguments and blocks of a schema.
func bodySchema(s *resource.Schema) *hcl.BodySchema {
	body := &hcl.BodySchema{}
	for _, name := range sortedKeys(s.Attributes) {
		a := s.Attributes[name]
		body.Attributes = append(body.Attributes, hcl.AttributeSchema{Name: name, Required: a.Required && !a.Computed})
	}
	for _, name := range sortedKeys(s.Blocks) {
		body.Blocks = append(body.Blocks, hcl.BlockHeaderSchema{Type: name})
	}
	return body
}

func withDynamic(s *hcl.BodySchema) *hcl.BodySchema {
	out := *s
	if len(s.Blocks) > 0 {
		out.Blocks = append(s.Blocks[:len(s.Blocks):len(s.Blocks)], hcl.BlockHeaderSchema{Type: "dynamic", LabelNames: []string{"type"}})
	}
	return &out
}

// takeMeta reads count, for_each, depends_on, protect, on and timeout.
func (l *loader) takeMeta(b *block, content *hcl.BodyContent) {
	b.attrs = map[string]*expression{}
	meta := map[string]*expression{}
	for _, a := range b.metaArguments() {
		if given, ok := content.Attributes[a.Name]; ok && a.Name != "depends_on" {
			meta[a.Name] = newExpression(given.Expr)
		}
	}
	b.repeat = repetition{count: meta["count"], forEach: meta["for_each"]}
	b.on, b.timeout, b.life.protect = meta["on"], meta["timeout"], meta["protect"]
	for _, x := range []*expression{b.timeout, b.life.protect} {
		if x != nil {
			b.refs = append(b.refs, x.refs...)
		}
	}
	b.dependsOn = l.decodeDependsOn(content.Attributes["depends_on"])
	l.checkRepetition(b.repeat)
}

// takeLifecycle reads the lifecycle block, and takes it out of content.
func (l *loader) takeLifecycle(b *block, content *hcl.BodyContent) {
	if b.schema.Blocks[lifecycleBlock] != nil {
		return
	}
	var first *hcl.Block
	content.Blocks = slices.DeleteFunc(content.Blocks, func(raw *hcl.Block) bool {
		switch {
		case raw.Type != lifecycleBlock:
			return false
		case first == nil:
			first = raw
			l.decodeLifecycle(b, raw)
		default:
			l.report(errorf(&raw.DefRange, "Block given twice", "There is at most one block %q here.", lifecycleBlock))
		}
		return true
	})
}

func (l *loader) checkRepetition(r repetition) {
	if r.count != nil && r.forEach != nil {
		l.report(errorf(r.forEach.Range().Ptr(), "Both count and for_each", "A block has either count or for_each."))
	}
}

// checkContent checks what hcl does not: computed attributes, and blocks within the body.
func (l *loader) checkContent(content *hcl.BodyContent, s *resource.Schema) {
	for _, name := range sortedKeys(content.Attributes) {
		if a := s.Attributes[name]; a != nil && a.Computed {
			l.report(errorf(content.Attributes[name].NameRange.Ptr(), "Computed attribute", "%q is a value that viver finds out: it cannot be set.", name))
		}
	}
	given := func(name string) bool { return content.Attributes[name] != nil }
	if len(s.AnyOf) > 0 && !slices.ContainsFunc(s.AnyOf, given) {
		l.report(errorf(content.MissingItemRange.Ptr(), "Missing argument", "One of the arguments %s is required here.", strings.Join(s.AnyOf, ", ")))
	}
	count := map[string]int{}
	for _, nested := range content.Blocks {
		name := l.checkNested(nested, s)
		count[name]++
		if b := s.Blocks[name]; b != nil && b.Single && count[name] == 2 {
			l.report(errorf(&nested.DefRange, "Block given twice", "There is at most one block %q here.", name))
		}
	}
	for _, name := range sortedKeys(s.Blocks) {
		if s.Blocks[name].Required && count[name] == 0 {
			l.report(errorf(content.MissingItemRange.Ptr(), "Missing block", "A block %q is required here.", name))
		}
	}
}

// checkNested checks the body of a block within a block and returns its type; that of a dynamic block is what it makes.
func (l *loader) checkNested(nested *hcl.Block, s *resource.Schema) string {
	name, body := nested.Type, nested.Body
	if name == "dynamic" {
		name = nested.Labels[0]
		content, diags := nested.Body.Content(&hcl.BodySchema{
			Attributes: []hcl.AttributeSchema{{Name: "for_each", Required: true}, {Name: "iterator"}},
			Blocks:     []hcl.BlockHeaderSchema{{Type: "content"}},
		})
		l.report(diags...)
		if len(content.Blocks) != 1 {
			l.report(errorf(&nested.DefRange, "Invalid dynamic block", "A dynamic block has exactly one block content."))
			return name
		}
		body = content.Blocks[0].Body
	}
	b := s.Blocks[name]
	if b == nil {
		l.report(errorf(&nested.LabelRanges[0], "Unsupported block type", "Blocks of type %q are not expected here.%s", name, suggest(name, sortedKeys(s.Blocks))))
		return name
	}
	content, diags := body.Content(withDynamic(bodySchema(&b.Schema)))
	l.report(diags...)
	l.checkContent(content, &b.Schema)
	return name
}

// findNested notes which types of blocks the body has, and what they refer to.
func (b *block) findNested(content *hcl.BodyContent) {
	b.nested = map[string]nestedBlocks{}
	for _, raw := range content.Blocks {
		name := raw.Type
		if name == "dynamic" {
			name = raw.Labels[0]
		}
		schema, known := b.schema.Blocks[name]
		if _, seen := b.nested[name]; seen || !known {
			continue
		}
		only := &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: name}}}
		refs := references(bodyVariables(dynblock.WalkVariables(b.body), only, map[string]*resource.Block{name: schema}))
		for _, each := range content.Blocks {
			if each.Type == name || each.Type == "dynamic" && each.Labels[0] == name {
				refs = append(refs, blockCalls(each, b.schema)...)
			}
		}
		b.refs = append(b.refs, refs...)
		b.nested[name] = nestedBlocks{perInstance: perInstance(refs), names: traversals(refs), rng: raw.DefRange}
	}
	for _, raw := range content.Blocks {
		keepMarksInBody(raw.Body)
	}
}

// bodyVariables finds the references in a body with dynamic blocks, names of iterators left out.
func bodyVariables(n dynblock.WalkVariablesNode, s *hcl.BodySchema, blocks map[string]*resource.Block) []hcl.Traversal {
	vars, children := n.Visit(s)
	for _, c := range children {
		b := blocks[c.BlockTypeName]
		if b == nil {
			continue
		}
		vars = append(vars, bodyVariables(c.Node, bodySchema(&b.Schema), b.Blocks)...)
	}
	return vars
}
