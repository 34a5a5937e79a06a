package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"viver/pacs"
	"viver/planner/pac"
	"viver/planner/source"
)

// makeTable describes every Pac that comes with viver. root is the module's folder.
func makeTable(root fs.FS) ([]byte, error) {
	modules, err := fs.Glob(pacs.FS, "*/pac.viver.hcl")
	if err != nil {
		return nil, err
	}
	all := map[string]*pac.Doc{}
	for _, m := range modules {
		name := path.Dir(m)
		if all[name], err = describe(name); err != nil {
			return nil, err
		}
	}
	on, err := machineTests(root, all)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("| Pac | what it does | inputs | tested |\n|---|---|---|---|\n")
	for _, m := range modules {
		name := path.Dir(m)
		tests, err := fs.Glob(root, "pacs/"+name+"/*.test.viver.hcl")
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "| [%s](../pacs/%s/README.md) | %s | %s | %s |\n", name, name, purpose(all[name]), inputs(all[name]), links(slices.Concat(tests, on[name])))
	}
	return b.Bytes(), nil
}

func describe(name string) (*pac.Doc, error) {
	dir, err := source.Places{Builtin: pacs.FS}.Resolve(source.Dir{}, "builtin/"+name, "")
	if err != nil {
		return nil, err
	}
	doc, diags := pac.Describe(dir, name)
	if diags.HasErrors() {
		return nil, diags
	}
	if doc.Text == "" {
		return nil, fmt.Errorf("%s/pac.viver.hcl does not begin with a comment that says what the Pac does", name)
	}
	return doc, nil
}

// purpose is the comment at the beginning of a Pac, in one line.
func purpose(d *pac.Doc) string { return cell(strings.Join(strings.Fields(d.Text), " ")) }

// inputs names the variables of a Pac: those that must be set first.
func inputs(d *pac.Doc) string {
	var needed, free []string
	for _, v := range d.Variables {
		if v.Required {
			needed = append(needed, "**"+v.Name+"**")
		} else {
			free = append(free, v.Name)
		}
	}
	return strings.Join(slices.Concat(needed, free), ", ")
}

// mostLinks is how many tests are named for a Pac.
const mostLinks = 4

// links are links to tests, which stand under their folder's name or their own.
func links(tests []string) string {
	var all []string
	for n, t := range tests {
		if n == mostLinks {
			all = append(all, fmt.Sprintf("and %d more", len(tests)-n))
			break
		}
		text := "simulated"
		if strings.HasSuffix(t, ".go") {
			text = strings.TrimSuffix(path.Base(t), "_test.go")
		}
		all = append(all, fmt.Sprintf("[%s](../%s)", text, t))
	}
	return strings.Join(all, ", ")
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
