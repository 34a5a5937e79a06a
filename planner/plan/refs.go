package plan

import (
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// pacKind is the kind of what is no instance itself but stands for the instances among its outputs.
const pacKind = "pac"

// referrer finds out how the instances are that others refer to. An instance is seen as its arguments and those computed
// attributes that follow from them; computed attributes that follow from no argument (From is empty but not nil), such as a boot ID, are
// facts which concern nobody else.
type referrer struct {
	*collapser
	schemas map[string]*resource.Schema
	seen    map[string]string // digests by address, "" where something is unknown
}

// refs returns for each argument, and each type of blocks, that refers to instances their addresses and digests, "" for those that are to
// be changed.
func (r *referrer) refs(s *resource.Schema, v cty.Value) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, name := range names(v) {
		found := map[string]string{}
		if attribute := s.Attributes[name]; attribute != nil && attribute.Refers != nil {
			r.collect(v.GetAttr(name), found)
		} else if block := s.Blocks[name]; block != nil {
			r.collectWithin(&block.Schema, v.GetAttr(name), found)
		}
		if len(found) > 0 {
			all[name] = found
		}
	}
	return all
}

// collectWithin puts all instances that blocks refer to into found: v is one block's object, or a list of them.
func (r *referrer) collectWithin(s *resource.Schema, v cty.Value, found map[string]string) {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() {
		return
	}
	if v.Type().IsObjectType() {
		for _, refs := range r.refs(s, v) {
			maps.Copy(found, refs)
		}
		return
	}
	for _, element := range elements(v) {
		r.collectWithin(s, element, found)
	}
}

// collect puts all instances in v into found. It looks into Pacs but not into instances: those are seen with their own references.
func (r *referrer) collect(v cty.Value, found map[string]string) {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return
	}
	kind, at, ok := instance(v)
	if ok && kind != pacKind {
		found[at] = r.digest(kind, at, v)
		return
	}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		r.collect(element, found)
	}
}

func (r *referrer) digest(kind, at string, v cty.Value) string {
	if d, ok := r.seen[at]; ok {
		return d
	}
	r.seen[at] = ""
	schema := r.schemas[kind]
	if schema == nil {
		return ""
	}
	attrs := r.object(at, schema, v).AsValueMap()
	maps.DeleteFunc(attrs, func(name string, _ cty.Value) bool {
		a := schema.Attributes[name]
		return name == onArgument || isManner(schema, name) || a != nil && isFact(a)
	})
	seen := cty.ObjectVal(attrs)
	if !seen.IsWhollyKnown() {
		return ""
	}
	d, err := r.state.Digest(at, seen)
	if err != nil && r.err == nil {
		r.err = err
	}
	r.seen[at] = d
	return d
}

// isFact says that a computed attribute follows from no argument.
func isFact(a *resource.Attribute) bool { return a.Computed && a.From != nil && len(a.From) == 0 }

// diffRefs names the instances that one argument refers to and that are not as they were, in order.
func diffRefs(before, after map[string]string) []Reason {
	var reasons []Reason
	for _, at := range slices.Sorted(maps.Keys(after)) {
		if d := after[at]; d == "" || before[at] != d {
			reasons = append(reasons, Reason{What: at})
		}
	}
	for _, at := range slices.Sorted(maps.Keys(before)) {
		if _, still := after[at]; !still {
			reasons = append(reasons, Reason{What: at})
		}
	}
	return reasons
}
