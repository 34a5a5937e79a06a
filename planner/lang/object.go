package lang

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
)

// kindOf returns the kind of an instance's or Pac's object ("node", "pac"), and "" for any other value. v is not marked.
func kindOf(v cty.Value) string { return stringAttribute(v, "kind") }

// addressOf returns the address of an instance's or Pac's object, and "" for any other value.
func addressOf(v cty.Value) string {
	v, _ = v.Unmark()
	if kindOf(v) == "" {
		return ""
	}
	return stringAttribute(v, "addr")
}

func stringAttribute(v cty.Value, name string) string {
	if v.IsNull() || !v.IsKnown() || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
		return ""
	}
	a, _ := v.GetAttr(name).Unmark()
	if a.Type() != cty.String || a.IsNull() || !a.IsKnown() {
		return ""
	}
	return a.AsString()
}

// found says what v is, for messages: "image.desk, an image", "a string".
func found(v cty.Value) string {
	v, _ = v.Unmark()
	switch kind := kindOf(v); {
	case kind != "":
		return fmt.Sprintf("%s, which is of kind %s", addressOf(v), kind)
	case v.IsNull():
		return "null"
	default:
		return v.Type().FriendlyName()
	}
}

// wantKind says why v, which is not marked, is no reference to one of these kinds; nil if it is one or is unknown.
func wantKind(v cty.Value, kinds []string) error {
	if v.IsKnown() && !slices.Contains(kinds, kindOf(v)) {
		return fmt.Errorf("a reference to %s is wanted, not %s", oneOf(kinds), found(v))
	}
	return nil
}

// naturalKeys returns the keys of m in natural order: pc2 before pc10.
func naturalKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, addr.Natural)
	return keys
}

// oneOf joins words for a sentence: "node, server or pac".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// placeError is an error at some place within a value.
type placeError struct {
	place string // ".machines[0]"
	err   error
}

func (e placeError) Error() string { return "at " + e.place + ": " + e.err.Error() }

func (e placeError) Unwrap() error { return e.err }

// at says that err happened at a place in a value; places of errors further within are joined to it.
func at(place string, err error) error {
	if err == nil {
		return nil
	}
	var inner placeError
	var path cty.PathError
	switch {
	case errors.As(err, &inner):
		place, err = place+inner.place, inner.err
	case errors.As(err, &path):
		place, err = place+pathText(path.Path), errors.New(path.Error())
	}
	if place == "" {
		return err
	}
	return placeError{place: place, err: err}
}

func pathText(p cty.Path) string {
	var b strings.Builder
	for _, s := range p {
		switch s := s.(type) {
		case cty.GetAttrStep:
			b.WriteString("." + s.Name)
		case cty.IndexStep:
			switch {
			case !s.Key.IsKnown() || s.Key.IsMarked():
				b.WriteString("[...]")
			case s.Key.Type() == cty.String:
				fmt.Fprintf(&b, "[%q]", s.Key.AsString())
			case s.Key.Type() == cty.Number:
				fmt.Fprintf(&b, "[%s]", s.Key.AsBigFloat().Text('f', -1))
			default:
				b.WriteString("[...]")
			}
		}
	}
	return b.String()
}
