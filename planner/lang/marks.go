package lang

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/ctymarks"

	"viver/planner/bitset"
)

type mark string

// Sensitive marks a value that must not be shown, written to state or logged.
const Sensitive = mark("sensitive")

// dependency marks what came from the instance with this number. The marks of all that an argument was made of end up on the
// argument, whatever way they went: so edges are never lost.
type dependency int

// dependencies marks what came from many instances at once.
type dependencies struct{ numbers *bitset.Set }

// split takes the dependency marks off v, at every depth, and adds their numbers to depends. Sensitive stays where it is.
func split(v cty.Value, depends *bitset.Set) cty.Value {
	if v.Type().IsPrimitiveType() {
		if v.IsMarked() {
			var sensitive bool
			if v, sensitive = splitTop(v, depends); sensitive {
				v = v.Mark(Sensitive)
			}
		}
		return v
	}
	v, err := v.WrangleMarksDeep(func(m any, _ cty.Path) (ctymarks.WrangleAction, error) {
		switch m := m.(type) {
		case dependency:
			depends.Add(int(m))
		case dependencies:
			depends.Or(*m.numbers)
		default:
			return ctymarks.WrangleKeep, nil
		}
		return ctymarks.WrangleDrop, nil
	})
	if err != nil {
		panic("lang: dropping marks cannot fail: " + err.Error())
	}
	return v
}

// splitTop is like split for v itself, and leaves what is within v as it is.
func splitTop(v cty.Value, depends *bitset.Set) (unmarked cty.Value, sensitive bool) {
	v, marks := v.Unmark()
	for m := range marks {
		switch m := m.(type) {
		case dependency:
			depends.Add(int(m))
		case dependencies:
			depends.Or(*m.numbers)
		case mark:
			sensitive = true
		}
	}
	return v, sensitive
}

// clean returns v without dependency marks.
func clean(v cty.Value) cty.Value {
	var nobody bitset.Set
	return split(v, &nobody)
}

// fewMarks is how many dependency marks a value may have before they are worth making one of.
const fewMarks = 8

// compact makes one mark of the many dependency marks of v itself: each operation on a value copies its marks.
func compact(v cty.Value) cty.Value {
	if !v.IsMarked() {
		return v
	}
	if _, marks := v.Unmark(); len(marks) <= fewMarks {
		return v
	}
	var all bitset.Set
	unmarked, sensitive := splitTop(v, &all)
	if sensitive {
		unmarked = unmarked.Mark(Sensitive)
	}
	return unmarked.Mark(dependencies{&all})
}
