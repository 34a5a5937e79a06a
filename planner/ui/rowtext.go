package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"viver/planner/addr"
	"viver/planner/plan"
	"viver/planner/resource"
)

// what says what is made, or why it is changed.
func (b *rowBuilder) what(u *bundle) string {
	c := u.changes[0]
	switch {
	case len(c.Reasons) > 0:
		return reasons(u.changes)
	case b.refreshes(c):
		return "found: " + strings.Join(c.Refreshed, ", ")
	case c.MovedFrom != "" && c.Action == resource.NoOp:
		return ""
	case c.Action == resource.Delete:
		return ""
	}
	text := summary(b.types[c.Type], c.Config)
	for _, other := range u.changes[1:] {
		if summary(b.types[other.Type], other.Config) != text {
			text = ""
		}
	}
	if c.Machine != "" {
		return join(" ", text, "on "+b.machines(u.changes))
	}
	if b.detail && c.Name != "" {
		text = join(", ", c.Name, text)
	}
	return join(", ", text, b.making(u))
}

// making says how something comes to be, where that takes others: "wait for 40 machines".
func (b *rowBuilder) making(u *bundle) string {
	t := b.types[u.changes[0].Type]
	if t != nil && u.changes[0].Action == resource.Create && t.Schema().Waits {
		return "wait for " + count(len(u.changes), "machine")
	}
	return ""
}

// reasons are those of the first change; values are shown where they are the same in all.
func reasons(changes []*plan.Change) string {
	var parts []string
	for i, r := range changes[0].Reasons {
		text := r.String()
		if slices.ContainsFunc(changes, func(c *plan.Change) bool { return c.Reasons[i] != r }) {
			text = r.What
		}
		parts = append(parts, text)
	}
	return list(parts)
}

func (b *rowBuilder) machines(changes []*plan.Change) string {
	var all []addr.Instance
	seen := map[string]bool{}
	for _, c := range changes {
		if seen[c.Machine] {
			continue
		}
		seen[c.Machine] = true
		if m := b.byAddr[c.Machine]; m != nil {
			all = append(all, m.Label())
		} else if a, err := addr.Parse(c.Machine); err == nil {
			all = append(all, a)
		}
	}
	return collapse(all)
}

// steps says how many steps stand in this row: with each instance, or altogether in the row of a Pac.
func (b *rowBuilder) steps(u *bundle) string {
	least, most, all := -1, 0, 0
	for _, c := range u.changes {
		n := b.stepsOn[c.Addr.String()]
		most, all = max(most, n), all+n
		if least < 0 || n < least {
			least = n
		}
	}
	text := ""
	switch {
	case all == 0:
		return ""
	case u.pac != "" || len(u.changes) == 1:
		text = count(all, "step")
	case least < most:
		text = fmt.Sprintf("%d to %s each", least, count(most, "step"))
	default:
		text = count(most, "step") + " each"
	}
	return cmp.Or(map[resource.Action]string{resource.Delete: "with "}[u.changes[0].Action], "then ") + text
}

// found says how an instance was found, where that matters.
func found(c *plan.Change) string {
	switch {
	case c.Unreachable && c.Action == resource.Delete:
		return cmp.Or(c.Note, "unreachable")
	case c.Unreachable:
	case c.Action == resource.NoOp:
		return c.Note
	default:
		return ""
	}
	return join("; ", cmp.Or(c.Note, "unreachable"), "planned from state")
}

// contents lists what a Pac consists of: "unit dhcp, nbd, tftp, image desk on server.seed".
func (b *rowBuilder) contents(changes []*plan.Change) string {
	names := map[string][]string{}
	var types []string
	var on []*plan.Change
	for _, c := range changes {
		t := strings.TrimPrefix(c.Type, addr.StepPrefix)
		if names[t] == nil {
			types = append(types, t)
		}
		if !slices.Contains(names[t], c.Addr.Name) {
			names[t] = append(names[t], c.Addr.Name)
		}
		if c.Machine != "" {
			on = append(on, c)
		}
	}
	for i, t := range types {
		types[i] = t + " " + list(names[t])
	}
	text := strings.Join(types, "; ")
	if len(on) > 0 {
		text += " on " + b.machines(on)
	}
	return text
}

// join leaves empty parts out.
func join(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), separator)
}
