package lang

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// minSecret is the length from which a text is recognized as a secret, in bytes: shorter ones stand in many words.
const minSecret = 4

// Secrets are the texts in the sensitive variables of the root module, as SensitiveTexts finds them. Safe for concurrent use.
func (e *Evaluator) Secrets() (all []string) {
	for _, name := range sortedKeys(e.config.root.variables) {
		v := e.config.root.variables[name]
		if !v.sensitive {
			continue
		}
		value, given := e.inputs[name]
		if !given {
			value = v.fallback
		}
		if value != cty.NilVal {
			all = append(all, SensitiveTexts(value.Mark(Sensitive))...)
		}
	}
	return all
}

// SensitiveTexts are the texts and numbers in the sensitive parts of v, at every depth: each as a whole and line by line, as programs show
// them. Those of fewer than four bytes are left out, and so is what is unknown.
func SensitiveTexts(v cty.Value) (all []string) {
	if !v.ContainsMarked() {
		return nil
	}
	v, marks := v.Unmark()
	switch {
	case marks != nil && hasSensitive(marks):
		return texts(v)
	case v.IsNull() || !v.IsKnown() || !v.CanIterateElements():
		return nil
	}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		all = append(all, SensitiveTexts(element)...)
	}
	return all
}

func hasSensitive(marks cty.ValueMarks) bool {
	_, ok := marks[Sensitive]
	return ok
}

// texts are all those in v.
func texts(v cty.Value) (all []string) {
	v, _ = v.UnmarkDeep()
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) { // the function has no errors
		if !v.Type().IsPrimitiveType() || v.Type() == cty.Bool || v.IsNull() || !v.IsKnown() {
			return true, nil
		}
		if text, err := convert.Convert(v, cty.String); err == nil {
			for _, s := range append(strings.Split(text.AsString(), "\n"), text.AsString()) {
				if s = strings.TrimSpace(s); len(s) >= minSecret {
					all = append(all, s)
				}
			}
		}
		return true, nil
	})
	return all
}
