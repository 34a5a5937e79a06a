package addr

import "slices"

// Pattern names what a configuration says it has moved or removed: the instances of one block, one of them, or a Pac with all within.
type Pattern struct {
	Module Module
	Type   string // empty: the pattern is the last Pac of Module
	Name   string
	Key    Key
}

// ParsePattern reads `node.pc`, `node.pc[0]`, `pac.boot` and `pac.boot["a"].node.pc`. Errors quote the text and say which part is wrong.
func ParsePattern(s string) (Pattern, error) {
	if i, err := Parse(s); err == nil {
		return Pattern(i), nil
	} else if m, ok := parseModule(s); ok {
		return Pattern{Module: m}, nil
	} else {
		return Pattern{}, err
	}
}

// parseModule reads `pac.boot["a"].pac.dhcp`.
func parseModule(s string) (m Module, ok bool) {
	for {
		w, rest, err := word(s)
		if err != nil || w != "pac" {
			return nil, false
		}
		var c Call
		if c.Name, c.Key, rest, err = nameAndKey(rest); err != nil {
			return nil, false
		}
		m = append(m, c)
		if rest == "" {
			return m, true
		}
		if s, err = dot(rest); err != nil {
			return nil, false
		}
	}
}

// String returns the written form, which ParsePattern reads.
func (p Pattern) String() string {
	if p.IsModule() {
		return p.Module.String()
	}
	return Instance(p).String()
}

// IsModule reports whether p is a Pac with all within it.
func (p Pattern) IsModule() bool { return p.Type == "" }

// LastKey returns the key of the instance, or of the Pac, that p names; none if p is about all of them.
func (p Pattern) LastKey() Key {
	if p.IsModule() && len(p.Module) > 0 {
		return p.Module[len(p.Module)-1].Key
	}
	return p.Key
}

// WithoutKey returns p about the whole block or Pac.
func (p Pattern) WithoutKey() Pattern {
	p.Key = Key{}
	if p.IsModule() && len(p.Module) > 0 {
		p.Module = slices.Clone(p.Module)
		p.Module[len(p.Module)-1].Key = Key{}
	}
	return p
}

// Covers reports whether the instance a is what p names; a pattern without a key covers all instances.
func (p Pattern) Covers(a Instance) bool {
	_, ok := p.rename(a, p.WithoutKey(), p.LastKey().IsNone())
	return ok
}

// Rename returns the address that a gets when what from names becomes what to names; false if from is not about a. Where neither
// has a key, all instances are meant and keep theirs. Both are of one sort: two Pacs, or two blocks of one type.
func Rename(a Instance, from, to Pattern) (Instance, bool) {
	return from.rename(a, to, from.LastKey().IsNone() && to.LastKey().IsNone())
}

func (p Pattern) rename(a Instance, to Pattern, all bool) (Instance, bool) {
	if !p.IsModule() {
		if !slices.Equal(p.Module, a.Module) || p.Type != a.Type || p.Name != a.Name || !all && p.Key != a.Key {
			return Instance{}, false
		}
		renamed := Instance(to)
		if all {
			renamed.Key = a.Key
		}
		return renamed, true
	}
	last := len(p.Module) - 1
	if last < 0 || len(a.Module) <= last || !slices.Equal(p.Module[:last], a.Module[:last]) || p.Module[last].Name != a.Module[last].Name ||
		!all && p.Module[last].Key != a.Module[last].Key {
		return Instance{}, false
	}
	m := slices.Clone(to.Module)
	if all {
		m[len(m)-1].Key = a.Module[last].Key
	}
	a.Module = append(m, a.Module[last+1:]...)
	return a, true
}

// Within splits the address of an instance into the path of Pacs with these names, whatever their keys, and the address as a module
// there would write it; false if a is not below such a path.
func (i Instance) Within(names []string) (above Module, inner Instance, ok bool) {
	if len(i.Module) < len(names) {
		return nil, i, false
	}
	for n, name := range names {
		if i.Module[n].Name != name {
			return nil, i, false
		}
	}
	above, i.Module = i.Module[:len(names)], i.Module[len(names):]
	return above, i, true
}

// Below returns the address of i, which is relative to a module, from the root.
func (i Instance) Below(above Module) Instance {
	i.Module = append(above[:len(above):len(above)], i.Module...)
	return i
}
