package plan

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/lang"
	"viver/planner/resource"
)

// lifecycle takes what the block of an instance says of how it changes.
func (d *draft) lifecycle(c *Change, l lang.Lifecycle) {
	c.Protect, c.ignored = l.Protect, map[string]bool{}
	for _, name := range l.Ignore {
		c.ignored[name] = true
	}
	c.ignoreAll = l.IgnoreAll
	for _, t := range l.ReplacedBy {
		for n := range t.Instances.All() {
			if other := d.changes[n]; triggers(other, t.Attribute) {
				c.triggers = append(c.triggers, Reason{What: strings.TrimSuffix(other.Addr.String()+"."+t.Attribute, ".")})
			}
		}
	}
}

// triggers says that a change calls for the replacement of what has the instance, or an attribute of it, in replace_triggered_by.
func triggers(c *Change, attribute string) bool {
	if c.Action == resource.NoOp || attribute == "" {
		return c.Action != resource.NoOp
	}
	if v, ok := c.computed[attribute]; ok {
		return !v.IsWhollyKnown()
	}
	return c.Action == resource.Replace || c.changed[attribute]
}

// unprotected refuses what would take away protected instances. What is declared counts more than what is remembered.
func (d *draft) unprotected() (diags hcl.Diagnostics) {
	for _, c := range d.changes {
		var kept bool
		verb := "destroy"
		switch {
		case c.Action == resource.Replace:
			kept, verb = c.Protect, "replace"
		case c.Action == resource.Delete && c.Number < 0:
			kept = c.Prior.Protect
		}
		if !kept {
			continue
		}
		diag := fault("Protected", c.Addr.String()+" is protected, and this would "+verb+" it"+because(c)+". To lift the protection: declare it with protect = false, "+
			"run viver apply, then try again. To leave it as it is: --exclude '"+c.Addr.String()+"'.")
		if c.Number >= 0 {
			diag.Subject = c.Range.Ptr()
		}
		diags = append(diags, diag)
	}
	return diags
}

func because(c *Change) string {
	var all []string
	for _, r := range c.Reasons {
		all = append(all, r.String())
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}
