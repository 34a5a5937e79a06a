package ui

import (
	"fmt"
	"slices"
	"strings"

	"viver/planner/addr"
	"viver/planner/plan"
	"viver/planner/resource"
)

// rows collapses a plan: what is alike stands in one row, steps stand with the machine that is made or ends with them, and what is made
// or ends within a Pac stands with the Pac. What stays as it is is shown only beside changes, and only what are no steps.
// With detail each change has a row of its own.
func rows(p *plan.Plan, types map[string]resource.Type, detail bool) []row {
	b := &rowBuilder{
		plan: p, types: types, detail: detail, byKey: map[string]*bundle{}, stepsOn: map[string]int{}, byAddr: map[string]*plan.Change{},
	}
	for _, c := range p.Changes {
		b.byAddr[c.Addr.String()] = c
	}
	for _, c := range p.Changes {
		if b.withMachine(c) {
			b.stepsOn[c.Machine]++
		}
	}
	for _, c := range p.Changes {
		b.add(c)
	}
	out := make([]row, 0, len(b.bundles))
	for _, bundle := range b.bundles {
		out = append(out, b.row(bundle))
	}
	return out
}

type rowBuilder struct {
	plan    *plan.Plan
	types   map[string]resource.Type
	detail  bool
	byAddr  map[string]*plan.Change
	stepsOn map[string]int // steps that stand in their machine's row
	byKey   map[string]*bundle
	bundles []*bundle
}

// bundle is the changes of one row.
type bundle struct {
	pac     string // the Pac that the row stands for, or ""
	changes []*plan.Change
}

// withMachine says that a step needs no row: its machine is made or ends in the same plan.
func (b *rowBuilder) withMachine(c *plan.Change) bool {
	m := b.byAddr[c.Machine]
	if b.detail || m == nil || len(c.Addr.Module) > 0 && len(m.Addr.Module) == 0 && !c.Forget {
		return false
	}
	made := c.Action == resource.Create && (m.Action == resource.Create || m.Action == resource.Replace)
	return c.Forget && m.Action == resource.Delete || made && m.Type == "node"
}

// silentWithMachine says that a step could not be asked because its machine could not: the machine's row says it.
func (b *rowBuilder) silentWithMachine(c *plan.Change) bool {
	m := b.byAddr[c.Machine]
	return c.Unreachable && c.Action == resource.NoOp && m != nil && m.Unreachable
}

func (b *rowBuilder) add(c *plan.Change) {
	quiet := c.Action == resource.NoOp && !c.Unreachable && c.Note == "" && c.MovedFrom == "" && !b.refreshes(c)
	if c.LeftOut || b.withMachine(c) || b.silentWithMachine(c) || quiet && (b.plan.Empty() || c.Machine != "" || len(c.Addr.Module) > 0) {
		return
	}
	key := strings.Join([]string{string(c.Action), c.Addr.Group(), whats(c), fmt.Sprint(c.Unreachable, c.MovedFrom == ""), c.Note}, "\x00")
	if b.refreshes(c) {
		key += "\x00" + strings.Join(c.Refreshed, " ")
	}
	pac := ""
	switch {
	case b.detail:
		key = c.Addr.String()
	case len(c.Addr.Module) > 0 && (c.Action == resource.Create || c.Action == resource.Delete) && len(c.Reasons) == 0:
		pac = c.Addr.Module[:1].String()
		key = string(c.Action) + "\x00" + pac
	}
	if b.byKey[key] == nil {
		b.byKey[key] = &bundle{pac: pac}
		b.bundles = append(b.bundles, b.byKey[key])
	}
	b.byKey[key].changes = append(b.byKey[key].changes, c)
}

// refreshes says that the plan is to bring the state up to date, and that there is something to it.
func (b *rowBuilder) refreshes(c *plan.Change) bool {
	return b.plan.RefreshOnly && len(c.Refreshed) > 0
}

func whats(c *plan.Change) string {
	var all []string
	for _, r := range c.Reasons {
		all = append(all, r.What)
	}
	return strings.Join(all, ", ")
}

func (b *rowBuilder) row(u *bundle) row {
	first := u.changes[0]
	r := row{sign: sign(first), count: len(u.changes)}
	if b.refreshes(first) || first.Action == resource.NoOp && first.MovedFrom != "" {
		r.sign = "="
	}
	if u.pac != "" {
		r.name, r.detail = u.pac, join(", ", b.contents(u.changes), b.steps(u))
		return r
	}
	addresses := make([]addr.Instance, len(u.changes))
	for i, c := range u.changes {
		addresses[i] = c.Label()
		if b.detail {
			addresses[i] = c.Addr
		}
	}
	r.name = collapse(addresses)
	r.detail = join("; ", join(", ", b.what(u), b.steps(u)), consequence(u.changes), found(first), was(u.changes))
	return r
}

// consequence is what the changes mean, if it is the same for all.
func consequence(changes []*plan.Change) string {
	text := changes[0].Consequence
	if slices.ContainsFunc(changes, func(c *plan.Change) bool { return c.Consequence != text }) {
		return ""
	}
	return text
}

// was names the addresses that moved instances had.
func was(changes []*plan.Change) string {
	if changes[0].MovedFrom == "" {
		return ""
	}
	var all []addr.Instance
	for _, c := range changes {
		if a, err := addr.Parse(c.MovedFrom); err == nil {
			all = append(all, a)
		}
	}
	return "was " + collapse(all)
}

func sign(c *plan.Change) string {
	switch c.Action {
	case resource.Create:
		return "+"
	case resource.Update:
		return "~"
	case resource.Replace:
		return "-/+"
	case resource.Delete:
		return "-"
	case resource.Forget:
		return "."
	}
	if c.Unreachable {
		return "!"
	}
	return ""
}
