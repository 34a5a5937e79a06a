package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
)

// Renamed is one instance that has a new address.
type Renamed struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Move returns a state in which what is at from is at to: an instance, a block with all its instances, or a Pac with all that is in it. From may
// also be what means one instance, as in Find. What refers to them, or depends on them, goes with them, and no digest changes: a plan with a configuration in which the same was renamed
// finds nothing to do. The serial stays.
func (s *State) Move(from, to string) (*State, []Renamed, error) {
	from, err := s.one(from)
	if err != nil {
		return nil, nil, err
	}
	to = addr.Canonical(to)
	r, err := newRenaming(from, to)
	if err != nil {
		return nil, nil, fmt.Errorf("state: move: %w", err)
	}
	next := s.Clone()
	var moved []Renamed
	for _, old := range Sorted(maps.Keys(s.Instances)) {
		if name := r.rename(old); name != old {
			moved = append(moved, Renamed{old, name})
			delete(next.Instances, old)
			delete(next.Origins, old)
		}
	}
	for _, m := range moved {
		if next.Instances[m.To] != nil {
			return nil, nil, fmt.Errorf("state: move %s: %s is there already: `viver state rm %s` forgets it", from, m.To, m.To)
		}
		i, err := readdressed(s.Instances[m.From], m.To)
		if err != nil {
			return nil, nil, fmt.Errorf("state: move %s: %w", m.From, err)
		}
		next.Instances[m.To] = i
		if before := s.origin(m.From); before != m.To {
			next.Origins[m.To] = before
		}
	}
	for at, i := range next.Instances {
		if next.Instances[at], err = r.follow(i); err != nil {
			return nil, nil, fmt.Errorf("state: move %s: %s refers to it: %w", from, at, err)
		}
	}
	return next, moved, nil
}

// one is the address of what a query means: an instance, a block or a Pac.
func (s *State) one(query string) (string, error) {
	at := addr.Canonical(query)
	for known := range s.Instances {
		if within(known, at) {
			return at, nil
		}
	}
	found, err := s.Find(query)
	switch {
	case err != nil:
		return "", err
	case len(found) > 1:
		return "", fmt.Errorf("state: move: %s means %s, %s and perhaps more: move an instance, a block or a Pac", query, found[0], found[1])
	}
	return found[0], nil
}

// readdressed is an instance at another address of the same type.
func readdressed(i *Instance, to string) (*Instance, error) {
	at, err := addr.Parse(to)
	if err != nil {
		return nil, err
	}
	if at.Type != i.Type {
		return nil, fmt.Errorf("it is a %s and cannot become %s", i.Type, to)
	}
	c := *i
	c.Addr, c.Group, c.Key = to, at.Group(), cty.NilVal
	if n, ok := at.Key.Number(); ok {
		c.Key = cty.NumberIntVal(int64(n))
	} else if text, ok := at.Key.Text(); ok {
		c.Key = cty.StringVal(text)
	}
	return &c, nil
}

// renaming changes addresses that begin with from.
type renaming struct{ from, to string }

func newRenaming(from, to string) (renaming, error) {
	pac, err := isPac(from)
	if err != nil {
		return renaming{}, err
	}
	other, err := isPac(to)
	if err != nil {
		return renaming{}, err
	}
	if pac != other {
		return renaming{}, fmt.Errorf("%s and %s are not both Pacs", from, to)
	}
	if from == to {
		return renaming{}, fmt.Errorf("%s is where it is", from)
	}
	return renaming{from, to}, nil
}

// isPac tells the address of a Pac from that of an instance or a block.
func isPac(address string) (bool, error) {
	p, err := addr.ParsePattern(address)
	return err == nil && p.IsModule(), err
}

// within says that text is the address, or begins with it and goes on with a key or, where that may be a Pac, with a dot.
func within(text, address string) bool {
	rest, ok := strings.CutPrefix(text, address)
	return ok && (rest == "" || rest[0] == '[' || rest[0] == '.' && strings.HasPrefix(address, "pac."))
}

func (r renaming) rename(text string) string {
	if !within(text, r.from) {
		return text
	}
	return r.to + text[len(r.from):]
}

// follow returns i with all that it says of others renamed; i itself is not changed.
func (r renaming) follow(i *Instance) (*Instance, error) {
	concerned := within(i.Machine, r.from) || slices.ContainsFunc(i.Depends, func(a string) bool { return within(a, r.from) })
	for _, refs := range i.Refs {
		for at := range refs {
			concerned = concerned || within(at, r.from)
		}
	}
	if !concerned {
		return i, nil
	}
	c := *i
	c.Machine = r.rename(i.Machine)
	c.Depends = nil
	for _, at := range i.Depends {
		c.Depends = append(c.Depends, r.rename(at))
	}
	slices.Sort(c.Depends)
	c.Refs = maps.Clone(i.Refs)
	for argument, refs := range i.Refs {
		c.Refs[argument] = map[string]string{}
		for at, digest := range refs {
			c.Refs[argument][r.rename(at)] = digest
		}
	}
	var err error
	c.Inputs, err = r.value(i.Inputs)
	return &c, err
}

// value renames the addresses in arguments: references stand there as strings.
func (r renaming) value(v cty.Value) (cty.Value, error) {
	return cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if v.IsNull() || v.Type() != cty.String {
			return v, nil
		}
		return cty.StringVal(r.rename(v.AsString())), nil
	})
}
