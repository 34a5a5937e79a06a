// Package imports holds the rules by which packages of this module may import one another, and the parser that
// finds who imports whom. Its test fails for every import that no rule allows.
package imports

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Rule allows the packages in and below the folder From to import one another, and those in and below the folders To.
type Rule struct {
	From   string
	To     []string
	Reason string
}

// Rules returns every allowed direction. What a rule does not name is forbidden; a folder may always import what is below itself.
func Rules() []Rule {
	return []Rule{
		{"cmd/viver", []string{"planner", "providers", "pacs", "nodeimage/spec", "nodeimage/field", "testing/lab"}, "the operator's binary wires and prints, also what members of the field say"},
		{"cmd/viver-node", []string{"nodeimage", "pacs"}, "the node's binary wires agent, units and steps"},
		{"planner", nil, "the core is pure: it meets the world through planner/resource"},
		{"providers", []string{"planner/resource", "planner/addr", "nodeimage/spec", "nodeimage/build", "nodeimage/field", "nodeimage/imagestore", "nodeimage/passport", "pacs/step"}, "the operator's hands"},
		{"nodeimage", nil, "the machines' world knows nothing of plans and configurations"},
		{"nodeimage/spec", nil, "the bridge imports nothing of the module"},
		{"nodeimage/nbd", nil, "a wire protocol imports nothing of the module"},
		{"pacs", []string{"nodeimage/spec", "nodeimage/block", "nodeimage/nbd", "nodeimage/field", "nodeimage/passport", "nodeimage/imagestore", "nodeimage/initramfs"}, "units serve what the image is made of"},
		{"testing/lab", nil, "a lab makes machines and knows nothing of what they boot"},
		{"testing/imports", nil, "this package only reads files"},
		{"testing", []string{"cmd", "planner", "providers", "nodeimage", "pacs"}, "end-to-end tests and benchmarks may look at everything"},
	}
}

// Edge is one import of a package of the module by a file of it. Folders are relative to the module.
type Edge struct {
	File     string
	From, To string
}

// Edges parses the import clauses of all Go files in module, tests included, and returns those that stay within the module.
func Edges(module fs.FS, modulePath string) ([]Edge, error) {
	var edges []Edge
	err := fs.WalkDir(module, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		found, err := edgesOf(module, name, modulePath)
		edges = append(edges, found...)
		return err
	})
	return edges, err
}

func edgesOf(module fs.FS, name, modulePath string) ([]Edge, error) {
	src, err := fs.ReadFile(module, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	var edges []Edge
	for _, i := range file.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("imports: %s: %w", name, err)
		}
		if to, inside := strings.CutPrefix(imported, modulePath+"/"); inside {
			edges = append(edges, Edge{File: name, From: path.Dir(name), To: to})
		}
	}
	return edges, nil
}

// Check returns the reason why e is forbidden, or "" when it is allowed. The rule with the longest From decides.
func Check(rules []Rule, e Edge) string {
	if within(e.To, e.From) {
		return ""
	}
	var rule Rule
	for _, r := range rules {
		if within(e.From, r.From) && len(r.From) >= len(rule.From) {
			rule = r
		}
	}
	if rule.From == "" {
		return "no rule names this folder"
	}
	if within(e.To, rule.From) {
		return ""
	}
	for _, to := range rule.To {
		if within(e.To, to) {
			return ""
		}
	}
	return rule.Reason
}

func within(folder, parent string) bool {
	return folder == parent || strings.HasPrefix(folder, parent+"/")
}
