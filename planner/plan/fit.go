package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/lang"
	"viver/planner/resource"
)

// Requires is what the Pacs in which a step stands expect of its machine.
func (c *Change) Requires() []resource.Requirement {
	all := make([]resource.Requirement, len(c.requires))
	for i, r := range c.requires {
		all[i] = r.Requirement
	}
	return all
}

// unfit says which images and machines do not have what the Pacs require that act on them, as far as that is known by now. What is not is
// found out on the machine, before the Pac's first step.
func (d *draft) unfit() (diags hcl.Diagnostics) {
	supplied := d.supplied()
	said := map[string]*misfit{}
	var order []*misfit
	for _, c := range d.changes {
		if c.Number < 0 || len(c.requires) == 0 {
			continue
		}
		o := d.outfit(d.byAddr[c.Machine])
		for _, r := range c.requires {
			for _, lack := range o.lacks(r.Requirement, slices.Concat(supplied[c.Machine], supplied[o.at])) {
				id := r.Pac + "\n" + o.at + "\n" + lack
				if said[id] == nil {
					said[id] = &misfit{Requirement: r, lack: lack}
					order = append(order, said[id])
				}
				if c.Machine != o.at {
					said[id].add(d.byAddr[c.Machine])
				}
			}
		}
	}
	for _, m := range order {
		diags = append(diags, fail(m.Range, "Pac does not fit", m.text())...)
	}
	return diags
}

// supplied are the packages that steps bring, by the address of their machine.
func (d *draft) supplied() map[string][]string {
	all := map[string][]string{}
	for _, c := range d.changes {
		if t, ok := d.Types[c.Type].(resource.Supplier); ok && c.Number >= 0 {
			all[c.Machine] = append(all[c.Machine], t.Supplies(WithoutSecrets(c.Config))...)
		}
	}
	return all
}

// outfit is what something has, with the address of what it is known of.
type outfit struct {
	resource.Outfit
	at, label string
}

// outfit is what a machine has, or the image that it boots.
func (d *draft) outfit(c *Change) (o outfit) {
	seen := map[*Change]bool{}
	for c != nil && !seen[c] && c.Number >= 0 {
		seen[c] = true
		t, ok := d.Types[c.Type].(resource.Outfitter)
		if !ok {
			break
		}
		o = outfit{t.Outfit(WithoutSecrets(c.Config)), c.Addr.String(), c.Label().String()}
		c = d.byAddr[o.Like]
	}
	return o
}

// lacks says what of a requirement is not there; nothing where that is not known.
func (o outfit) lacks(r resource.Requirement, supplied []string) (lacks []string) {
	if o.Distribution != "" && len(r.Distributions) > 0 && !slices.Contains(r.Distributions, o.Distribution) {
		lacks = append(lacks, fmt.Sprintf("%s as its distribution, and %s is %s: choose another image, or another Pac", alternatives(r.Distributions), o.label, o.Distribution))
	}
	if !o.Listed {
		return lacks
	}
	var missing []string
	for _, p := range r.Packages {
		if !slices.Contains(o.Packages, p) && !slices.Contains(supplied, p) {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		lacks = append(lacks, fmt.Sprintf("the %s %s, which %s does not name: add %s to its packages",
			number(len(missing), "package", "packages"), strings.Join(missing, ", "), o.label, number(len(missing), "it", "them")))
	}
	return lacks
}

// misfit is one thing that a Pac requires and that is not there.
type misfit struct {
	lang.Requirement
	lack     string
	machines []*Change // those that boot what lacks it
}

func (m *misfit) add(machine *Change) {
	if !slices.Contains(m.machines, machine) {
		m.machines = append(m.machines, machine)
	}
}

func (m *misfit) text() string {
	text := fmt.Sprintf("%s requires %s.", requirer(m.Pac), m.lack)
	switch len(m.machines) {
	case 0:
		return text
	case 1:
		return text + fmt.Sprintf(" It is what %s boots, on which the Pac acts.", m.machines[0].Label())
	}
	return text + fmt.Sprintf(" It is what %s and %d more boot, on which the Pac acts.", m.machines[0].Label(), len(m.machines)-1)
}

// requirer is how a Pac is called in a sentence.
func requirer(pac string) string {
	if pac == "" {
		return "The configuration"
	}
	return pac
}

func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func number(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
