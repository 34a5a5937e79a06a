package ui

import (
	"slices"
	"strconv"
	"strings"

	"viver/planner/addr"
	"viver/planner/plan"
)

// maxListed is how many keys or names are listed before the rest is counted.
const maxListed = 6

// collapseKeys writes the keys of one block's instances the short way: runs as `0..39` or `pc01..pc40`, the rest one by one.
func collapseKeys(keys []addr.Key) string {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, addr.CompareKeys)
	var parts []string
	for len(keys) > 0 {
		n := 1
		for n < len(keys) && follows(keys[n-1], keys[n]) {
			n++
		}
		if n > 2 {
			parts = append(parts, keys[0].Plain()+".."+keys[n-1].Plain())
		} else {
			n = 1
			parts = append(parts, keys[0].Plain())
		}
		keys = keys[n:]
	}
	return list(parts)
}

// follows says that b is the key after a: the next number, or a text that ends in the next number and is otherwise the same.
func follows(a, b addr.Key) bool {
	if x, ok := a.Number(); ok {
		y, also := b.Number()
		return also && y == x+1
	}
	prefixA, digitsA := splitNumber(a.Plain())
	prefixB, digitsB := splitNumber(b.Plain())
	x, errA := strconv.Atoi(digitsA)
	y, errB := strconv.Atoi(digitsB)
	padded := strings.HasPrefix(digitsA, "0") || strings.HasPrefix(digitsB, "0")
	return prefixA == prefixB && errA == nil && errB == nil && y == x+1 && (!padded || len(digitsA) == len(digitsB))
}

func splitNumber(s string) (prefix, digits string) {
	prefix = strings.TrimRight(s, "0123456789")
	return prefix, s[len(prefix):]
}

// list joins words with commas, and counts those beyond maxListed.
func list(words []string) string {
	if len(words) <= maxListed {
		return strings.Join(words, ", ")
	}
	return strings.Join(words[:maxListed-1], ", ") + " and " + strconv.Itoa(len(words)-maxListed+1) + " more"
}

// collapse writes addresses the short way: `node.pc[0..39]`, and instances of several blocks one after the other.
func collapse(addresses []addr.Instance) string {
	keys := map[string][]addr.Key{}
	var groups []string
	for _, a := range addresses {
		g := a.Group()
		if keys[g] == nil {
			groups = append(groups, g)
		}
		keys[g] = append(keys[g], a.Key)
	}
	for i, g := range groups {
		groups[i] = withKeys(g, keys[g])
	}
	return list(groups)
}

// label is one instance as a row shows it: `node.pc[pc07]`.
func label(c *plan.Change) string {
	return collapse([]addr.Instance{c.Label()})
}

func withKeys(group string, keys []addr.Key) string {
	if len(keys) == 1 && keys[0].IsNone() {
		return group
	}
	return group + "[" + collapseKeys(keys) + "]"
}

// count writes a number and a noun: "1 machine", "2 machines".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}
