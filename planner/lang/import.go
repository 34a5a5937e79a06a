package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/addr"
)

// Import says that an instance which is not remembered exists already, and how the world calls it. It comes from an import block of
// the root module.
type Import struct {
	To    addr.Instance
	ID    string
	Range hcl.Range
}

// importBlock is one import block. Its id and for_each may name variables and locals, not blocks: imports are known before anything is.
type importBlock struct {
	to      target
	key     *expression // of to, where it is not written out
	id      expression
	forEach *expression
	rng     hcl.Range
}

func (l *loader) decodeImport(m *module, b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{
		{Name: "to", Required: true}, {Name: "id", Required: true}, {Name: "for_each"},
	}})
	l.report(diags...)
	if diags.HasErrors() {
		return
	}
	i := &importBlock{id: *newExpression(content.Attributes["id"].Expr), rng: b.DefRange}
	if a := content.Attributes["for_each"]; a != nil {
		i.forEach = newExpression(a.Expr)
	}
	to := content.Attributes["to"].Expr
	if indexed, ok := to.(*hclsyntax.IndexExpr); ok {
		i.key = newExpression(indexed.Key)
		to = indexed.Collection
	}
	var ok bool
	if i.to, ok = l.decodeTarget(to); !ok {
		return
	}
	if i.to.IsModule() || i.key != nil && !i.to.Key.IsNone() {
		l.report(errorf(&i.to.rng, "Unsuitable address", "One instance is imported at a time: write an address like server.seed or node.pc[\"pc01\"]."))
		return
	}
	m.imports = append(m.imports, i)
}

func (l *loader) checkImports(m *module) {
	for _, i := range m.imports {
		if m != l.order[0] {
			l.report(errorf(&i.rng, "Import in a Pac", "import blocks stand in the root module only: a Pac cannot know what exists already."))
			continue
		}
		if p := i.to.Pattern.WithoutKey(); !m.finds(p) {
			l.report(errorf(&i.to.rng, "Not declared", "%s is not declared: what is imported needs a block.%s", p, suggest(p.String(), m.addresses())))
		}
		in := site{m: m, repeat: repetition{forEach: i.forEach}}
		l.checkImportRefs(in, i.id.refs)
		if i.key != nil {
			l.checkImportRefs(in, i.key.refs)
		}
		if i.forEach != nil {
			l.checkImportRefs(site{m: m}, i.forEach.refs)
		}
	}
}

func (l *loader) checkImportRefs(s site, refs []reference) {
	for _, r := range refs {
		if l.isBlockRoot(r.root) {
			l.report(errorf(&r.rng, "Not known yet", "What is imported must be known before anything is planned: an import block can name variables and locals, not %s.", r))
			continue
		}
		l.checkRef(s, r)
	}
}

// Imports evaluates the import blocks. It may be called before Walk. An import of an instance that is not declared is an error once Walk
// is done.
func (e *Evaluator) Imports() ([]Import, hcl.Diagnostics) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var imports []Import
	seen := map[string]hcl.Range{}
	diags := e.collect(func() {
		for _, b := range e.config.root.imports {
			for _, i := range e.root.imports(b) {
				address := i.To.String()
				if first, ok := seen[address]; ok {
					e.report(errorf(&i.Range, "Imported twice", "%s is imported at %s already.", address, first))
					continue
				}
				seen[address] = i.Range
				if e.walked && e.byAddress[address] == nil {
					e.report(errorf(&i.Range, "Not declared", "%s is imported, but its block makes no such instance.", address))
					continue
				}
				imports = append(imports, i)
			}
		}
	})
	return imports, diags
}

func (m *moduleInstance) imports(b *importBlock) []Import {
	again, ok := m.repeat(repetition{forEach: b.forEach})
	if !ok {
		m.e.unevaluated(b.rng)
		return nil
	}
	var all []Import
	for _, k := range again.keys {
		vars := again.variables(k)
		i := Import{To: addr.Instance(b.to.Pattern), Range: b.rng}
		if b.key != nil {
			key, ok := m.importKey(b.key, vars)
			if !ok {
				m.e.unevaluated(b.rng)
				continue
			}
			i.To.Key = key
		}
		v, ok := m.importText(&b.id, vars)
		if !ok {
			m.e.unevaluated(b.rng)
			continue
		}
		i.ID = v
		all = append(all, i)
	}
	return all
}

// unevaluated reports an import block of which nothing else was reported: a local that it names follows from what only Walk makes.
func (e *Evaluator) unevaluated(rng hcl.Range) {
	if len(e.diags) == 0 {
		e.report(errorf(&rng, "Not known yet", "What is imported must be known before anything is planned, but this follows from other blocks."))
	}
}

func (m *moduleInstance) importText(x *expression, vars variables) (string, bool) {
	got := m.eval(x, vars)
	if !got.ok {
		return "", false
	}
	v, err := convert.Convert(clean(got.value), cty.String)
	switch {
	case err != nil:
		return "", m.refuseImport(x, "A string is wanted here, not "+found(got.value)+".")
	case v.IsMarked():
		return "", m.refuseImport(x, "What is imported is shown and remembered: it cannot be sensitive.")
	case v.IsNull() || !v.IsKnown():
		return "", m.refuseImport(x, "A string is wanted here that is known when planning.")
	}
	return v.AsString(), true
}

func (m *moduleInstance) importKey(x *expression, vars variables) (addr.Key, bool) {
	got := m.eval(x, vars)
	if !got.ok {
		return addr.Key{}, false
	}
	if v, _ := got.value.Unmark(); v.Type() == cty.Number {
		if whole, problem := wholeNumber(v); v.IsKnown() && !v.IsNull() && problem == "" {
			n, _ := whole.AsBigFloat().Int64()
			return addr.Number(int(n)), true
		}
		return addr.Key{}, m.refuseImport(x, "A key is a string or a whole number.")
	}
	text, ok := m.importText(x, vars)
	return addr.Text(text), ok
}

func (m *moduleInstance) refuseImport(x *expression, why string) (ok bool) {
	m.e.reportOnce(errorf(x.Range().Ptr(), "Unsuitable import", "%s", why))
	return false
}
