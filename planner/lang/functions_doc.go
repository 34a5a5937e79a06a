package lang

import (
	_ "embed"
	"strings"
	"sync"
)

// FunctionDoc describes a function of the language.
type FunctionDoc struct {
	Name      string
	Signature string // "cidrhost(prefix, number)"; parameters that may be left out stand in brackets
	Group     string // "Numbers"
	Text      string // what it does, in a few words
	// Absent marks a function of OpenTofu that viver has not; Text says why, and what to use.
	Absent bool
}

//go:embed functions.txt
var functionsText string

// Functions describes all functions, by groups and names, those that are Absent last.
func Functions() []FunctionDoc {
	return readFunctionDocs()
}

var (
	readFunctionDocs = sync.OnceValue(func() []FunctionDoc { return parseFunctionDocs(functionsText) })
	functionDocs     = sync.OnceValue(func() map[string]FunctionDoc {
		all := map[string]FunctionDoc{}
		for _, f := range readFunctionDocs() {
			all[f.Name] = f
		}
		return all
	})
)

// functionNames lists the functions that there are.
func functionNames() []string {
	var names []string
	for _, f := range readFunctionDocs() {
		if !f.Absent {
			names = append(names, f.Name)
		}
	}
	return names
}

// absentGroup is the heading over functions that viver has not.
const absentGroup = "Not in viver"

// parseFunctionDocs reads functions.txt: headings begin with "# ", signatures stand at the margin, what they do is indented.
func parseFunctionDocs(text string) []FunctionDoc {
	var all []FunctionDoc
	group := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		heading, isHeading := strings.CutPrefix(line, "# ")
		switch {
		case line == "":
		case isHeading:
			group = heading
		case strings.HasPrefix(line, "  "):
			last := &all[len(all)-1]
			last.Text = strings.TrimSpace(last.Text + " " + strings.TrimSpace(line))
		default:
			name, _, _ := strings.Cut(line, "(")
			all = append(all, FunctionDoc{Name: name, Signature: line, Group: group, Absent: group == absentGroup})
		}
	}
	return all
}

func trimCore(name string) string { return strings.TrimPrefix(name, coreNamespace) }
