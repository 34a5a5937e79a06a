package lang

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/addr"
)

// Moved says that what is remembered by one address has another one now. It comes from a moved block.
type Moved struct {
	// From and To are addresses of blocks or Pacs, with or without key: "node.pc", "pac.boot.node.pc[0]". Pacs above the module of
	// the moved block have no keys here: all their instances are meant.
	From, To string
	Range    hcl.Range

	path     []string
	from, to addr.Pattern
}

// Rename returns the address that an instance has after this move; false if the move is not about it. Addresses are as addr.Instance
// writes them.
func (m Moved) Rename(address string) (string, bool) {
	a, err := addr.Parse(address)
	if err != nil {
		return "", false
	}
	above, inner, ok := a.Within(m.path)
	if !ok {
		return "", false
	}
	renamed, ok := addr.Rename(inner, m.from, m.to)
	return renamed.Below(above).String(), ok
}

// Moved returns all moved blocks, one for each place where a Pac with such a block is called. Moves follow each other: see Renamed.
func (c *Config) Moved() []Moved {
	var all []Moved
	for _, o := range c.occurrences() {
		for _, m := range o.m.moved {
			all = append(all, Moved{From: below(o.path, m.from.Pattern), To: below(o.path, m.to.Pattern), Range: m.rng, path: o.path, from: m.from.Pattern, to: m.to.Pattern})
		}
	}
	return all
}

// Renamed returns where all moves together bring the instance at this address, and whether that is elsewhere.
func (c *Config) Renamed(address string) (string, bool) {
	all := c.Moved()
	first := address
	for range all { // no move counts twice: Load refuses circles
		next := address
		for _, m := range all {
			if to, ok := m.Rename(address); ok {
				next = to
				break
			}
		}
		if next == address {
			break
		}
		address = next
	}
	return address, address != first
}

// Moved is that of the configuration.
func (e *Evaluator) Moved() []Moved { return e.config.Moved() }

// Renamed is that of the configuration.
func (e *Evaluator) Renamed(address string) (string, bool) { return e.config.Renamed(address) }

// moved is one moved block.
type moved struct {
	from, to target
	rng      hcl.Range
}

func (l *loader) decodeMoved(m *module, b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "from", Required: true}, {Name: "to", Required: true}}})
	l.report(diags...)
	if diags.HasErrors() {
		return
	}
	from, fromOK := l.decodeTarget(content.Attributes["from"].Expr)
	to, toOK := l.decodeTarget(content.Attributes["to"].Expr)
	if fromOK && toOK {
		m.moved = append(m.moved, &moved{from: from, to: to, rng: b.DefRange})
	}
}

// checkMoved checks the moves of a module among themselves and against what it declares.
func (l *loader) checkMoved(m *module) {
	next := map[string]*moved{}
	for _, v := range m.moved {
		from, to := v.from.String(), v.to.String()
		old := next[from]
		switch {
		case v.from.Type != v.to.Type:
			l.report(errorf(&v.to.rng, "Unsuitable move", "%s cannot become %s: a block moves to one of its own type, and a Pac to a Pac.", from, to))
		case from == to:
			l.report(errorf(&v.to.rng, "Unsuitable move", "%s is where it was already.", from))
		case old != nil:
			l.report(errorf(&v.from.rng, "Moved twice", "%s: moved at %s already. A thing can only be moved to one place.", from, old.rng))
		case v.from.LastKey().IsNone() && v.from.WithoutKey().String() != v.to.WithoutKey().String() && m.finds(v.from.Pattern):
			l.report(errorf(&v.from.rng, "Moved, but still there", "%s is still declared. Rename its block to %s, or take this moved block away.", from, v.to.WithoutKey()))
		default:
			next[from] = v
		}
	}
	l.checkMoveCircles(m, next)
	for _, v := range m.moved {
		if next[v.from.String()] != v {
			continue // reported
		}
		if _, goesOn := next[v.to.String()]; !goesOn && !m.finds(v.to.Pattern) {
			l.report(warnf(&v.to.rng, "Moved to nothing", "%s is not declared: what moves there will be destroyed.%s", v.to.Pattern, suggest(v.to.WithoutKey().String(), m.addresses())))
		}
	}
}

func (l *loader) checkMoveCircles(m *module, next map[string]*moved) {
	done := map[*moved]bool{}
	for _, v := range m.moved {
		var way []string
		seen := map[*moved]bool{}
		for at := v; at != nil && !done[at]; at = next[at.to.String()] {
			way = append(way, at.from.String())
			if seen[at] {
				l.report(errorf(&at.rng, "Moved in a circle", "%s. Take one of these moved blocks away.", strings.Join(way, " -> ")))
				break
			}
			seen[at] = true
		}
		for at := range seen {
			done[at] = true
		}
	}
}

// warnf is like errorf, for what need not be wrong.
func warnf(subject *hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	d := errorf(subject, summary, detail, args...)
	d.Severity = hcl.DiagWarning
	return d
}
