package pac

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the description as a page.
func (d *Doc) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", d.Name)
	if d.Text != "" {
		fmt.Fprintf(&b, "\n%s\n", d.Text)
	}
	d.Requires.markdown(&b)
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

func (r Requires) markdown(b *strings.Builder) {
	lines := []struct {
		what string
		all  []string
	}{{"viver", nil}, {"distribution", r.Distribution}, {"packages", r.Packages}, {"kernel modules", r.KernelModules}}
	if r.Version != "" {
		lines[0].all = []string{r.Version}
	}
	for i, began := 0, false; i < len(lines); i++ {
		if len(lines[i].all) == 0 {
			continue
		}
		if !began {
			b.WriteString("\n## Requires\n\n")
			began = true
		}
		fmt.Fprintf(b, "- %s: %s\n", lines[i].what, code(strings.Join(lines[i].all, ", ")))
	}
}
