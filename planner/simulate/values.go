package simulate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/addr"
	"viver/planner/resource"
)

// computed are the attributes that a thing would find out: mocked ones, and for all others values that follow from its address and the arguments that
// the schema names. So the same test always sees the same, and a value changes when what it follows from does. w.mu is held.
func (w *World) computed(s *resource.Schema, at string, t *thing) map[string]cty.Value {
	all := map[string]cty.Value{}
	for name, a := range s.Attributes {
		if a.Computed {
			all[name] = madeUp(a.Type, name, w.seed(at, name, a, t))
		}
	}
	for _, m := range w.Mocks {
		if !m.means(t.kind, at) {
			continue
		}
		for name, v := range m.Values {
			if a := s.Attributes[name]; a != nil && a.Computed {
				if v, err := convert.Convert(v, a.Type); err == nil {
					all[name] = v
				}
			}
		}
	}
	return all
}

// Check says what is wrong with a mock for these types.
func (m Mock) Check(types map[string]resource.Type) error {
	kind := m.Type
	if kind == "" {
		kind = m.Of.Type
	}
	t := types[kind]
	if t == nil {
		return fmt.Errorf("there is no type %q; a mock is for a type, like node, or for an address, like node.pc", kind)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Values)) {
		a := t.Schema().Attributes[name]
		if a == nil || !a.Computed {
			return fmt.Errorf("%s has no computed attribute %q", kind, name)
		}
		if _, err := convert.Convert(m.Values[name], a.Type); err != nil {
			return fmt.Errorf("%s of %s: %w", name, kind, err)
		}
	}
	return nil
}

func (m Mock) means(kind, at string) bool {
	if m.Type != "" {
		return m.Type == kind
	}
	return covers([]addr.Pattern{m.Of}, at)
}

// seed is a digest of all that a computed attribute follows from. A fact, which follows from no argument, is another one each time that the thing is made,
// and a boot_id at each boot.
func (w *World) seed(at, name string, a *resource.Attribute, t *thing) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%d\x00", at, name, w.made[at])
	if name == bootID {
		fmt.Fprintf(h, "%d\x00", t.boots)
	}
	if !t.config.IsNull() && t.config.Type().IsObjectType() {
		attrs := t.config.AsValueMap()
		for _, argument := range slices.Sorted(maps.Keys(attrs)) {
			if a.From == nil || slices.Contains(a.From, argument) {
				fmt.Fprintf(h, "%s=%#v\x00", argument, attrs[argument])
			}
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// madeUp is a value of a type: for a string the attribute's name with a part of the digest.
func madeUp(ty cty.Type, name string, seed [sha256.Size]byte) cty.Value {
	number := binary.BigEndian.Uint16(seed[:2])
	switch {
	case ty == cty.String:
		return cty.StringVal(fmt.Sprintf("%s-%x", name, seed[:4]))
	case ty == cty.Number:
		return cty.NumberIntVal(int64(number) + 1)
	case ty == cty.Bool:
		return cty.True
	case ty.IsListType():
		return cty.ListVal([]cty.Value{madeUp(ty.ElementType(), name, seed)})
	case ty.IsSetType():
		return cty.SetVal([]cty.Value{madeUp(ty.ElementType(), name, seed)})
	case ty.IsMapType():
		return cty.MapValEmpty(ty.ElementType())
	case ty.IsObjectType():
		attrs := map[string]cty.Value{}
		for inner, t := range ty.AttributeTypes() {
			attrs[inner] = madeUp(t, inner, seed)
		}
		return cty.ObjectVal(attrs)
	case ty == cty.DynamicPseudoType:
		return cty.EmptyObjectVal
	}
	return cty.NullVal(ty)
}
