package schemadoc

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Overview writes all types of blocks, one in a line.
func (d *Document) Overview(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, name := range d.Names() {
		b, _ := d.Find(name)
		fmt.Fprintf(t, "%s\t%s\n", name, b.Doc)
	}
	return t.Flush()
}

// Text writes one block with all that can stand in it.
func (b Block) Text(w io.Writer, name string) error {
	fmt.Fprintf(w, "%s { }\n", b.header(name))
	if b.Doc != "" {
		fmt.Fprintf(w, "  %s\n", b.Doc)
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	b.rows(t, "")
	return t.Flush()
}

// header is how the block begins: `step "file" "NAME"`.
func (b Block) header(name string) string {
	kind, step, isStep := strings.Cut(name, ".")
	words := []string{kind}
	if isStep {
		words = append(words, `"`+step+`"`)
	}
	for _, label := range b.Labels {
		if label == "name" {
			words = append(words, `"NAME"`)
		}
	}
	return strings.Join(words, " ")
}

func (b Block) rows(t *tabwriter.Writer, indent string) {
	part := func(title string, take func(Attribute) bool) {
		first := true
		for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
			if a := b.Attributes[name]; take(a) {
				if first {
					fmt.Fprintf(t, "\n%s%s\n", indent, title)
				}
				first = false
				fmt.Fprintf(t, "%s  %s\t%s\t%s\n", indent, name, a.kind(), a.remarks())
			}
		}
	}
	part("Arguments:", func(a Attribute) bool { return !a.Computed && !a.Common })
	part("Arguments of every block:", func(a Attribute) bool { return a.Common })
	part("Values that viver finds out:", func(a Attribute) bool { return a.Computed })
	for _, name := range slices.Sorted(maps.Keys(b.Blocks)) {
		inner := b.Blocks[name]
		fmt.Fprintf(t, "\n%s%s { }   %s\n", indent, name, inner.Doc)
		inner.rows(t, indent+"  ")
	}
}

func (a Attribute) kind() string {
	if len(a.Refers) > 0 {
		kinds := a.Refers
		if a.Names {
			kinds = append(kinds[:len(kinds):len(kinds)], "name")
		}
		return strings.Join(kinds, ", ")
	}
	return a.Type
}

func (a Attribute) remarks() string {
	var marks []string
	for _, m := range []struct {
		set  bool
		word string
	}{{a.Required, "required"}, {a.Sensitive, "sensitive"}, {a.Replaces, "a change makes it anew"}, {a.Unique, "unique"}} {
		if m.set {
			marks = append(marks, m.word)
		}
	}
	if a.Default != nil {
		marks = append(marks, "default "+string(hclwrite.TokensForValue(a.Default.Value).Bytes()))
	}
	if len(marks) == 0 {
		return a.Doc
	}
	return strings.TrimSpace(a.Doc + " (" + strings.Join(marks, "; ") + ")")
}
