// Package schemadoc is the description of the whole language as a document: for editors and other programs as JSON, for people as text. It owns the form of
// that document; what stands in it comes from the schemas and from package lang.
package schemadoc

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"viver/planner/lang"
	"viver/planner/resource"
)

// Format is raised when a program that reads the document would have to be changed. Fields may be added without that.
const Format = 1

// Document describes the language.
type Document struct {
	Format    int              `json:"format"`
	Version   string           `json:"viver"`
	Blocks    map[string]Block `json:"blocks"` // at the top of a file, by type
	Steps     map[string]Block `json:"steps"`  // step "TYPE" "NAME", by TYPE
	Functions []Function       `json:"functions"`
}

// Block describes one type of block.
type Block struct {
	Doc string `json:"doc,omitempty"`
	// Labels are what stands after the type: ["name"].
	Labels     []string             `json:"labels,omitempty"`
	Attributes map[string]Attribute `json:"attributes,omitempty"`
	Blocks     map[string]Block     `json:"blocks,omitempty"`
	// Required says that there is at least one, and Single that there is at most one; both are of blocks within blocks.
	Required bool `json:"required,omitempty"`
	Single   bool `json:"single,omitempty"`
	// AnyOf are attributes of which one must be given.
	AnyOf []string `json:"any_of,omitempty"`
	// Any says that attributes of any name can stand in it.
	Any bool `json:"any_attributes,omitempty"`
}

// Attribute describes an argument, or with Computed a value that viver finds out.
type Attribute struct {
	Type string `json:"type"` // in the language's own form: "list(string)"; "reference"
	// Refers are the kinds of block that a reference may name.
	Refers []string `json:"refers,omitempty"`
	// Names says that the name of a machine will do in the place of a reference.
	Names     bool   `json:"names,omitempty"`
	Doc       string `json:"doc,omitempty"`
	Required  bool   `json:"required,omitempty"`
	Computed  bool   `json:"computed,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty"`
	// Replaces says that a change makes the thing anew.
	Replaces bool `json:"replaces,omitempty"`
	// Unique says that each instance needs a value of its own.
	Unique  bool                     `json:"unique,omitempty"`
	Default *ctyjson.SimpleJSONValue `json:"default,omitempty"`
	// Common says that every block of the language has it.
	Common bool `json:"common,omitempty"`
}

// Function describes a function.
type Function struct {
	Name      string `json:"name"`
	Signature string `json:"signature"`
	Group     string `json:"group"`
	Doc       string `json:"doc"`
}

// Of describes the language with these resource types, by name.
func Of(version string, types map[string]resource.Type) *Document {
	d := &Document{Format: Format, Version: version, Blocks: map[string]Block{}, Steps: map[string]Block{}, Functions: []Function{}}
	for _, w := range lang.LanguageBlocks() {
		d.Blocks[w.Name] = blockOfWord(w)
	}
	for name, t := range types {
		b := blockOf(t.Schema())
		b.add(lang.ResourceWords(name))
		b.Labels = []string{"name"}
		if step, ok := strings.CutPrefix(name, "step."); ok {
			b.Labels = []string{"type", "name"}
			d.Steps[step] = b
			continue
		}
		d.Blocks[name] = b
	}
	for _, f := range lang.Functions() {
		if !f.Absent {
			d.Functions = append(d.Functions, Function{f.Name, f.Signature, f.Group, f.Text})
		}
	}
	return d
}

func blockOf(s *resource.Schema) Block {
	b := Block{Doc: s.Doc, AnyOf: s.AnyOf, Attributes: map[string]Attribute{}, Blocks: map[string]Block{}}
	for name, a := range s.Attributes {
		b.Attributes[name] = attributeOf(a)
	}
	for name, n := range s.Blocks {
		inner := blockOf(&n.Schema)
		inner.Required, inner.Single = n.Required, n.Single
		b.Blocks[name] = inner
	}
	return b
}

func attributeOf(a *resource.Attribute) Attribute {
	out := Attribute{
		Type: "reference", Refers: a.Refers, Names: a.Names, Doc: a.Doc, Required: a.Required, Computed: a.Computed, Sensitive: a.Sensitive,
		Replaces: a.Replaces, Unique: a.Unique,
	}
	if a.Refers == nil {
		out.Type = typeexpr.TypeString(a.Type)
	}
	if a.Default != cty.NilVal && !a.Default.IsNull() {
		out.Default = &ctyjson.SimpleJSONValue{Value: a.Default}
	}
	return out
}

func blockOfWord(w lang.Word) Block {
	b := Block{Doc: w.Text, Labels: w.Labels, Required: w.Required, Attributes: map[string]Attribute{}, Blocks: map[string]Block{}, Any: w.Any}
	for _, inner := range w.Words {
		if inner.IsBlock() {
			b.Blocks[inner.Name] = blockOfWord(inner)
			continue
		}
		b.Attributes[inner.Name] = Attribute{Type: inner.Type, Doc: inner.Text, Required: inner.Required}
	}
	return b
}

// add adds what every block of the language has; what the block's own schema has under the same name counts.
func (b *Block) add(words []lang.Word) {
	common := blockOfWord(lang.Word{Words: words})
	for name, a := range common.Attributes {
		if _, own := b.Attributes[name]; !own {
			a.Common = true
			b.Attributes[name] = a
		}
	}
	for name, inner := range common.Blocks {
		if _, own := b.Blocks[name]; !own {
			b.Blocks[name] = inner
		}
	}
}

// Find returns the description of a block by its type: "node", "step.file".
func (d *Document) Find(name string) (Block, bool) {
	if step, ok := strings.CutPrefix(name, "step."); ok {
		b, ok := d.Steps[step]
		return b, ok
	}
	b, ok := d.Blocks[name]
	return b, ok
}

// Names lists all types of blocks as Find takes them, sorted, steps last.
func (d *Document) Names() []string {
	names := slices.Sorted(maps.Keys(d.Blocks))
	for _, step := range slices.Sorted(maps.Keys(d.Steps)) {
		names = append(names, "step."+step)
	}
	return names
}
