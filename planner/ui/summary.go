package ui

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/plan"
	"viver/planner/resource"
)

// maxSummary is the length of a summary made without the type's help, in bytes.
const maxSummary = 72

// summary says in a short clause what an instance is: in its type's words, or by those of its arguments that are set.
func summary(t resource.Type, config cty.Value) string {
	if t == nil || config == cty.NilVal {
		return ""
	}
	config = plan.WithoutSecrets(config)
	if s, ok := t.(resource.Summarizer); ok {
		return s.Summary(config)
	}
	var parts []string
	for name, a := range t.Schema().Attributes {
		if a.Computed || a.Sensitive || a.Refers != nil || !config.Type().HasAttribute(name) {
			continue
		}
		if text, ok := shortValue(config.GetAttr(name), a); ok {
			parts = append(parts, name+" "+text)
		}
	}
	slices.Sort(parts)
	for i := range parts {
		if len(strings.Join(parts[:i+1], ", ")) > maxSummary {
			return strings.Join(parts[:i], ", ")
		}
	}
	return strings.Join(parts, ", ")
}

// shortValue is a value as text, if it is known, is no default and fits.
func shortValue(v cty.Value, a *resource.Attribute) (string, bool) {
	if v.IsNull() || !v.IsWhollyKnown() || a.Default != cty.NilVal && v.RawEquals(a.Default) {
		return "", false
	}
	text := string(hclwrite.TokensForValue(v).Bytes())
	if v.Type() == cty.String {
		text = v.AsString()
	} else if t := v.Type(); t.IsListType() && t.ElementType() == cty.String {
		var words []string
		for _, element := range v.AsValueSlice() {
			if !element.IsNull() {
				words = append(words, element.AsString())
			}
		}
		text = strings.Join(words, " ")
	}
	return text, text != "" && len(text) <= maxSummary/2 && !strings.Contains(text, "\n")
}
