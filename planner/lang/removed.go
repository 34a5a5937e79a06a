package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
)

// Removed says what becomes of instances whose block was taken out of the configuration. It comes from a removed block.
type Removed struct {
	// From is the address of a block or Pac, without key: "node.pc", "pac.boot". Pacs above have no keys either: all their instances are
	// meant.
	From string
	// Destroy is false where the instances are only to be forgotten, and stay as they are.
	Destroy bool
	Range   hcl.Range

	path []string
	from addr.Pattern
}

// Covers reports whether the block is about the instance at this address, which is as addr.Instance writes it.
func (r Removed) Covers(address string) bool {
	a, err := addr.Parse(address)
	if err != nil {
		return false
	}
	_, inner, ok := a.Within(r.path)
	return ok && r.from.Covers(inner)
}

// Removed returns all removed blocks, one for each place where a Pac with such a block is called.
func (c *Config) Removed() []Removed {
	var all []Removed
	for _, o := range c.occurrences() {
		for _, r := range o.m.removed {
			all = append(all, Removed{From: below(o.path, r.from.Pattern), Destroy: r.destroy, Range: r.rng, path: o.path, from: r.from.Pattern})
		}
	}
	return all
}

// Removed is that of the configuration.
func (e *Evaluator) Removed() []Removed { return e.config.Removed() }

// removed is one removed block.
type removed struct {
	from    target
	destroy bool
	rng     hcl.Range
}

// decodeRemoved reads a removed block. What it means to leave out destroy differs between tools, so it has to be said.
func (l *loader) decodeRemoved(m *module, b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "from", Required: true}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "lifecycle"}},
	})
	l.report(diags...)
	if diags.HasErrors() {
		return
	}
	r := &removed{rng: b.DefRange}
	if len(content.Blocks) != 1 {
		l.report(errorf(&b.DefRange, "Destroy or forget", "A removed block has one lifecycle block that says what becomes of the thing: lifecycle { destroy = false } only forgets it, destroy = true takes it away."))
		return
	}
	how, diags := content.Blocks[0].Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "destroy", Required: true}}})
	l.report(diags...)
	l.constant(how.Attributes["destroy"], cty.Bool, func(v cty.Value) { r.destroy = v.True() })
	var ok bool
	if r.from, ok = l.decodeTarget(content.Attributes["from"].Expr); !ok {
		return
	}
	if !r.from.LastKey().IsNone() {
		l.report(errorf(&r.from.rng, "Unsuitable address", "A removed block is about a whole block or Pac, so its address has no key. Take single instances out of count or for_each instead."))
		return
	}
	m.removed = append(m.removed, r)
}

func (l *loader) checkRemoved(m *module) {
	for i, r := range m.removed {
		if m.finds(r.from.Pattern) {
			l.report(errorf(&r.from.rng, "Removed, but still there", "%s is still declared. Take away its block, or this removed block.", r.from.Pattern))
		}
		for _, old := range m.removed[:i] {
			if old.from.String() == r.from.String() {
				l.declared("removed "+r.from.String(), &old.rng, r.rng)
			}
		}
	}
}
