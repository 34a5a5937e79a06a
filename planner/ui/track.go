package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// line is the row's progress: "31 of 40 joined  [firmware 2 | kernel 4 | joined 31]   slowest: pc17 in root for 12s".
func (r *tracked) line() string {
	if r.total == 1 {
		return join("   ", participle(r.action)+" for "+since(r.start), r.detail)
	}
	word := past(r.action)
	text := fmt.Sprintf("%d of %d %s", r.done, r.total, word)
	if r.failed > 0 {
		text += fmt.Sprintf(", %d failed", r.failed)
	}
	first := ""
	if slow := r.slowest(); len(slow) > 0 {
		first = "slowest: " + slow[0]
	}
	return join("   ", text, r.counts(), first)
}

// more is a second line: those that are slow beside the slowest.
func (r *tracked) more() string {
	if slow := r.slowest(); len(slow) > 1 {
		return "then " + strings.Join(slow[1:], ", ")
	}
	return ""
}

// counts is how many are in which stage.
func (r *tracked) counts() string {
	var parts []string
	for _, stage := range r.stages {
		n := 0
		for _, m := range r.parts {
			if m.stage == stage {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", stage, n))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "[" + strings.Join(parts, " | ") + "]"
}

// maxSlowest is how many of those at work are named.
const maxSlowest = 5

// slowest are those that have been where they are for the longest time, longest first: "pc17 in root for 12s".
func (r *tracked) slowest() []string {
	var slow []*member
	for _, m := range r.parts {
		if !m.ended && m.stage != "" {
			slow = append(slow, m)
		}
	}
	slices.SortFunc(slow, func(a, b *member) int { return cmp.Or(a.entered.Compare(b.entered), strings.Compare(a.name, b.name)) })
	var all []string
	for _, m := range slow[:min(len(slow), maxSlowest)] {
		all = append(all, fmt.Sprintf("%s in %s for %s", m.name, m.stage, since(m.entered)))
	}
	return all
}
