package pac

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"viver/planner/lang"
	"viver/planner/source"
)

// Doc describes a module: what it is given and what it gives.
type Doc struct {
	Name string `json:"name"`
	// Text is the comment at the beginning of the first file.
	Text string `json:"text,omitempty"`
	// Requires is what the module expects of viver, and of the images and machines on which it acts.
	Requires  Requires   `json:"requires"`
	Variables []Variable `json:"variables"`
	Outputs   []Output   `json:"outputs"`
	Pacs      []Call     `json:"pacs"` // those that it uses
}

// Requires is a viver block; what is empty is not asked for.
type Requires struct {
	Version       string   `json:"viver,omitempty"` // "~> 0.1"
	Distribution  []string `json:"distribution,omitempty"`
	Packages      []string `json:"packages,omitempty"`
	KernelModules []string `json:"kernel_modules,omitempty"`
}

// Variable is one input.
type Variable struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // as it is written; "any" where it is not
	Typed       bool   `json:"-"`    // it is
	Description string `json:"description,omitempty"`
	Required    bool   `json:"required"`
	Sensitive   bool   `json:"sensitive,omitempty"`
	// Default is as it is written; empty: it has none.
	Default string                   `json:"default_text,omitempty"`
	Value   *ctyjson.SimpleJSONValue `json:"default,omitempty"`
}

// Output is one output.
type Output struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Sensitive   bool   `json:"sensitive,omitempty"`
}

// Call is one Pac that a module uses.
type Call struct {
	Name    string `json:"name"`
	Source  string `json:"source"`
	Version string `json:"version,omitempty"`
}

var docSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "variable", LabelNames: []string{"name"}},
	{Type: "output", LabelNames: []string{"name"}},
	{Type: "pac", LabelNames: []string{"name"}},
	{Type: "viver"},
}}

// Describe reads what the files *.viver.hcl in a folder declare. It evaluates no more than descriptions and defaults.
func Describe(dir source.Dir, name string) (*Doc, hcl.Diagnostics) {
	names, err := dir.Names()
	if err != nil {
		return nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Folder not readable", Detail: err.Error()}}
	}
	d := &Doc{Name: name, Variables: []Variable{}, Outputs: []Output{}, Pacs: []Call{}}
	var diags hcl.Diagnostics
	found := false
	for _, file := range names {
		if !strings.HasSuffix(file, ".viver.hcl") || lang.IsTest(file) || strings.HasPrefix(file, ".") {
			continue
		}
		found = true
		diags = append(diags, d.file(dir, file)...)
	}
	if !found {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "No configuration", Detail: fmt.Sprintf("The folder %s has no file whose name ends in .viver.hcl.", dir.Label(""))})
	}
	slices.SortFunc(d.Variables, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(d.Outputs, func(a, b Output) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(d.Pacs, func(a, b Call) int { return strings.Compare(a.Name, b.Name) })
	return d, diags
}

func (d *Doc) file(dir source.Dir, name string) hcl.Diagnostics {
	data, err := dir.ReadFile(name)
	if err != nil {
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "File not readable", Detail: err.Error()}}
	}
	label := dir.Label(name)
	if bad := lang.CheckText(label, data); bad != nil {
		return hcl.Diagnostics{bad}
	}
	parsed, diags := hclsyntax.ParseConfig(data, label, hcl.InitialPos)
	if diags.HasErrors() {
		return diags
	}
	if d.Text == "" {
		d.Text = comment(string(data))
	}
	content, _, diags := parsed.Body.PartialContent(docSchema)
	for _, b := range content.Blocks {
		attrs := b.Body.(*hclsyntax.Body).Attributes
		switch b.Type {
		case "variable":
			d.Variables = append(d.Variables, variable(b.Labels[0], attrs, data))
		case "output":
			d.Outputs = append(d.Outputs, Output{Name: b.Labels[0], Description: text(attrs["description"]), Sensitive: isTrue(attrs["sensitive"])})
		case "viver":
			d.Requires = requires(b.Body.(*hclsyntax.Body))
		case "pac":
			d.Pacs = append(d.Pacs, Call{Name: b.Labels[0], Source: text(attrs["source"]), Version: text(attrs["version"])})
		}
	}
	return diags
}

// comment is the text of the comment at the beginning of a file.
func comment(file string) string {
	var lines []string
	for line := range strings.Lines(file) {
		rest, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		lines = append(lines, strings.TrimSpace(rest))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func variable(name string, attrs hclsyntax.Attributes, data []byte) Variable {
	v := Variable{Name: name, Type: "any", Description: text(attrs["description"]), Required: true, Sensitive: isTrue(attrs["sensitive"])}
	if a := attrs["type"]; a != nil {
		v.Typed, v.Type = true, string(a.Expr.Range().SliceBytes(data))
	}
	if a := attrs["default"]; a != nil {
		v.Required, v.Default = false, string(a.Expr.Range().SliceBytes(data))
		if value, diags := a.Expr.Value(nil); !diags.HasErrors() && value.IsWhollyKnown() && !v.Sensitive {
			v.Value = &ctyjson.SimpleJSONValue{Value: value}
		}
		if v.Sensitive {
			v.Default = "(sensitive value)"
		}
	}
	return v
}

func requires(viver *hclsyntax.Body) Requires {
	r := Requires{Version: text(viver.Attributes["required_version"])}
	for _, b := range viver.Blocks {
		if b.Type == "requires" {
			r.Distribution, r.Packages, r.KernelModules = texts(b.Body.Attributes["distribution"]), texts(b.Body.Attributes["packages"]), texts(b.Body.Attributes["kernel_modules"])
		}
	}
	return r
}

// texts is a list of strings that is written out.
func texts(a *hclsyntax.Attribute) (all []string) {
	if a == nil {
		return nil
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || !v.IsWhollyKnown() || !v.CanIterateElements() {
		return nil
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); e.Type() == cty.String && !e.IsNull() {
			all = append(all, e.AsString())
		}
	}
	return all
}

func constant(a *hclsyntax.Attribute, want cty.Type) (cty.Value, bool) {
	if a == nil {
		return cty.NilVal, false
	}
	v, diags := a.Expr.Value(nil)
	return v, !diags.HasErrors() && v.Type() == want && v.IsKnown() && !v.IsNull()
}

func text(a *hclsyntax.Attribute) string {
	if v, ok := constant(a, cty.String); ok {
		return v.AsString()
	}
	return ""
}

func isTrue(a *hclsyntax.Attribute) bool {
	v, ok := constant(a, cty.Bool)
	return ok && v.True()
}
