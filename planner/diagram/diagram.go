// Package diagram draws what depends on what in a configuration: for Graphviz, as text and as JSON. It owns the drawing; the dependencies are those of a
// plan.
package diagram

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"viver/planner/addr"
	"viver/planner/bitset"
	"viver/planner/plan"
)

// Diagram is a graph without circles. Nodes stand after all that they need.
type Diagram struct{ Nodes []Node }

// Node is one instance, or all instances of a block.
type Node struct {
	Addr  string // "node.pc[0]", or "node.pc"
	Kind  string // "node", "step.file"
	Pac   string // address of the Pac that it is in; empty: the configuration itself
	Count int    // of instances
	// Needs are indexes of nodes that come before this one, but for those that another one of them needs anyway.
	Needs []int
}

// Of draws the declared instances of a plan: each of them, or else one node for all of a block.
func Of(p *plan.Plan, instances bool) *Diagram {
	d := &Diagram{}
	numbers := map[string]int{}
	place := make([]int, len(p.Changes))
	var needs []*bitset.Set
	for i, c := range p.Changes {
		if c.Number < 0 {
			continue
		}
		at := c.Addr.Group()
		if instances {
			at = c.Addr.String()
		}
		n, ok := numbers[at]
		if !ok {
			n = len(d.Nodes)
			numbers[at] = n
			d.Nodes = append(d.Nodes, Node{Addr: at, Kind: c.Type, Pac: c.Addr.Module.String()})
			needs = append(needs, &bitset.Set{})
		}
		place[i] = n
		d.Nodes[n].Count++
		for _, before := range c.Depends() {
			if place[before] != n {
				needs[n].Add(place[before])
			}
		}
	}
	d.arrange(needs)
	return d
}

// arrange sorts the nodes so that each comes after what it needs, and leaves out needs that follow from others. An instance may need one of a block of
// which a later instance needs something: then the blocks stand in the order of their first instances, and what looks back is left out.
func (d *Diagram) arrange(needs []*bitset.Set) {
	order := topological(needs)
	rank := make([]int, len(order))
	for r, n := range order {
		rank[n] = r
	}
	nodes := make([]Node, len(order))
	all := make([]*bitset.Set, len(order)) // what each needs, however far away
	for r, n := range order {
		nodes[r], all[r] = d.Nodes[n], &bitset.Set{}
		var direct []int
		for before := range needs[n].All() {
			if rank[before] < r {
				direct = append(direct, rank[before])
			}
		}
		slices.SortFunc(direct, func(a, b int) int { return cmp.Compare(b, a) })
		for _, before := range direct {
			if !all[r].Has(before) {
				nodes[r].Needs = append(nodes[r].Needs, before)
			}
			all[r].Add(before)
			all[r].Or(*all[before])
		}
		slices.Sort(nodes[r].Needs)
	}
	d.Nodes = nodes
}

// topological returns the nodes, each after those that it needs.
func topological(needs []*bitset.Set) (order []int) {
	seen := make([]bool, len(needs))
	var visit func(n int)
	visit = func(n int) {
		if seen[n] {
			return
		}
		seen[n] = true
		for before := range needs[n].All() {
			visit(before)
		}
		order = append(order, n)
	}
	for n := range needs {
		visit(n)
	}
	return order
}

func (n Node) label() string {
	if n.Count > 1 {
		return n.Addr + " (" + strconv.Itoa(n.Count) + ")"
	}
	return n.Addr
}

// shapes are the forms of nodes in pictures; all others are boxes.
var shapes = map[string]string{"image": "cylinder", "network": "ellipse", "server": "box3d", "node": "component"}

// DOT writes the diagram for Graphviz: arrows lead from what needs to what is needed, and each Pac is a frame.
func (d *Diagram) DOT(w io.Writer) error {
	var b strings.Builder
	b.WriteString("digraph viver {\n  rankdir = RL\n  node [shape = box, fontname = \"sans-serif\"]\n")
	d.frame(&b, "", "  ")
	for _, n := range d.Nodes {
		for _, before := range n.Needs {
			fmt.Fprintf(&b, "  %s -> %s\n", quote(n.Addr), quote(d.Nodes[before].Addr))
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// frame writes the nodes in one Pac, and those in the Pacs in it.
func (d *Diagram) frame(b *strings.Builder, pac, indent string) {
	for _, n := range d.Nodes {
		if n.Pac != pac {
			continue
		}
		fmt.Fprintf(b, "%s%s [label = %s", indent, quote(n.Addr), quote(strings.TrimPrefix(n.label(), prefix(pac))))
		if shape := shapes[n.Kind]; shape != "" {
			fmt.Fprintf(b, ", shape = %s", shape)
		}
		b.WriteString("]\n")
	}
	for _, inner := range d.pacsIn(pac) {
		fmt.Fprintf(b, "%ssubgraph %s {\n%s  label = %s\n", indent, quote("cluster "+inner), indent, quote(strings.TrimPrefix(inner, prefix(pac))))
		d.frame(b, inner, indent+"  ")
		b.WriteString(indent + "}\n")
	}
}

func prefix(pac string) string {
	if pac == "" {
		return ""
	}
	return pac + "."
}

// pacsIn lists the Pacs that stand directly in another one.
func (d *Diagram) pacsIn(pac string) []string {
	found := map[string]bool{}
	var list []string
	for _, n := range d.Nodes {
		inner, ok := child(pac, n.Pac)
		if ok && !found[inner] {
			found[inner] = true
			list = append(list, inner)
		}
	}
	return list
}

// child is the first Pac on the way from one down to another.
func child(pac, below string) (string, bool) {
	rest, ok := strings.CutPrefix(below, prefix(pac))
	if !ok || below == pac || below == "" {
		return "", false
	}
	at, err := addr.Parse(rest + ".x.x")
	if err != nil || len(at.Module) == 0 {
		return "", false
	}
	return prefix(pac) + at.Module[:1].String(), true
}

// quote writes a string as DOT reads it: only a quotation mark and a backslash before it mean something.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
}

// Text writes each node in a line, with what it needs in the lines below.
func (d *Diagram) Text(w io.Writer) error {
	var b strings.Builder
	for _, n := range d.Nodes {
		fmt.Fprintln(&b, n.label())
		for _, before := range n.Needs {
			fmt.Fprintf(&b, "  needs %s\n", d.Nodes[before].Addr)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// MarshalJSON writes nodes, and needs by address.
func (d *Diagram) MarshalJSON() ([]byte, error) {
	type node struct {
		Addr  string   `json:"addr"`
		Kind  string   `json:"kind"`
		Pac   string   `json:"pac,omitempty"`
		Count int      `json:"count"`
		Needs []string `json:"needs"`
	}
	out := struct {
		Nodes []node `json:"nodes"`
	}{[]node{}}
	for _, n := range d.Nodes {
		j := node{n.Addr, n.Kind, n.Pac, n.Count, []string{}}
		for _, before := range n.Needs {
			j.Needs = append(j.Needs, d.Nodes[before].Addr)
		}
		out.Nodes = append(out.Nodes, j)
	}
	return json.Marshal(out)
}
