package plan

import (
	"cmp"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// remember notes what the state should say of an instance about which there is nothing to do: what was found, and arguments that are only
// about how apply works.
func (d *draft) remember(c *Change, s *resource.Schema, inputs cty.Value, found map[string]cty.Value) {
	now := *c.Prior
	computed := refreshed(c, s, found)
	if len(computed) > 0 {
		now.Computed = maps.Clone(now.Computed)
		if now.Computed == nil {
			now.Computed = map[string]cty.Value{}
		}
		maps.Copy(now.Computed, computed)
		c.Refreshed = slices.Sorted(maps.Keys(computed))
	}
	manner := mannerChanged(s, c.Prior.Inputs, inputs)
	if manner {
		now.Inputs = inputs
	}
	now.Protect = c.Protect
	if len(computed) > 0 || manner || c.Protect != c.Prior.Protect {
		c.Remember = &now
	}
}

// onlyRefresh turns the draft into one that does nothing but bring the state up to date.
func (d *draft) onlyRefresh() {
	for _, c := range d.changes {
		c.Action, c.Reasons, c.Forget, c.Remember, c.Refreshed = resource.NoOp, nil, false, nil, nil
		c.Consequence, c.ImportID = "", ""
		if c.Prior == nil {
			continue
		}
		c.Protect = c.Prior.Protect
		found := d.seen[c.Addr.String()]
		c.Note = found.Reason
		if found.Status == resource.Absent {
			c.Action, c.Reasons = resource.Forget, []Reason{{What: cmp.Or(found.Reason, "gone")}}
			continue
		}
		d.remember(c, d.schema(c.Type), c.Prior.Inputs, found.Computed)
	}
}

// mannerChanged says that arguments differ which are only about how apply works.
func mannerChanged(s *resource.Schema, before, after cty.Value) bool {
	return after.IsWhollyKnown() && slices.ContainsFunc(names(before, after), func(name string) bool {
		return isManner(s, name) && !same(attribute(s, before, name), attribute(s, after, name))
	})
}

// refreshed returns the computed attributes that were found to differ from the remembered ones.
func refreshed(c *Change, s *resource.Schema, found map[string]cty.Value) map[string]cty.Value {
	out := map[string]cty.Value{}
	for name, v := range found {
		if a := s.Attributes[name]; a == nil || !a.Computed || a.Sensitive {
			continue
		}
		if before, ok := c.Prior.Computed[name]; !ok || !before.RawEquals(v) {
			out[name] = v
		}
	}
	return out
}
