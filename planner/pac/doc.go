package pac

import (
	"fmt"
	"io"
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
	Text      string     `json:"text,omitempty"`
	Variables []Variable `json:"variables"`
	Outputs   []Output   `json:"outputs"`
	Pacs      []Call     `json:"pacs"` // those that it uses
}

// Variable is one input.
type Variable struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // as it is written; "any" where it is not
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
	{Type: "variable", LabelNames: []string{"name"}}, {Type: "output", LabelNames: []string{"name"}}, {Type: "pac", LabelNames: []string{"name"}},
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
		v.Type = string(a.Expr.Range().SliceBytes(data))
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

// Markdown writes the description as a page.
func (d *Doc) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", d.Name)
	if d.Text != "" {
		fmt.Fprintf(&b, "\n%s\n", d.Text)
	}
	b.WriteString("\n## Inputs\n\n")
	if len(d.Variables) == 0 {
		b.WriteString("None.\n")
	} else {
		b.WriteString("| Name | Type | Default | Description |\n|---|---|---|---|\n")
	}
	for _, v := range d.Variables {
		fallback := "required"
		if !v.Required {
			fallback = code(v.Default)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(v.Name), code(v.Type), fallback, cell(v.Description))
	}
	b.WriteString("\n## Outputs\n\n")
	if len(d.Outputs) == 0 {
		b.WriteString("None.\n")
	} else {
		b.WriteString("| Name | Description |\n|---|---|\n")
	}
	for _, o := range d.Outputs {
		fmt.Fprintf(&b, "| %s | %s |\n", code(o.Name), cell(o.Description))
	}
	if len(d.Pacs) > 0 {
		b.WriteString("\n## Pacs that it uses\n\n")
	}
	for _, c := range d.Pacs {
		fmt.Fprintf(&b, "- %s: %s\n", code(c.Name), code(strings.TrimSpace(c.Source+" "+c.Version)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// code is text in a cell of a table as it stands, in one line.
func code(s string) string {
	return "`" + strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`) + "`"
}

func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
