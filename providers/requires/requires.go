// Package requires looks on a machine, or in the tree of an image, whether what Pacs require is there. It owns the shell script that looks,
// and the words in which it says what is not. It runs nothing itself.
package requires

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"viver/planner/resource"
)

//go:embed look.sh
var look string

// Place is what is looked at.
type Place struct {
	Name string // as people know it: "image.desk", "pc03"
	Kind string // "image", "node" or "server"
}

// Script is a POSIX shell script that prints a line for each thing that is not there, with the number of the requirement before it: nothing where
// all is well. Packages that are in supplied are not looked for: steps bring them. It reads only, and ends with 0.
func Script(p Place, needs []resource.Requirement, supplied []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "kind=%s\n%s", p.Kind, look)
	for i, n := range needs {
		if len(n.Distributions) > 0 {
			words := fmt.Sprintf("%s requires %s, and %s is", name(n), strings.Join(n.Distributions, " or "), p.Name)
			fmt.Fprintf(&b, "distribution %s %s %s\n", quote(" "+strings.Join(n.Distributions, " ")+" "), quote(fmt.Sprint(i, " ", words)), quote(": use another one, or another Pac"))
		}
		for _, pkg := range n.Packages {
			if !slices.Contains(supplied, pkg) {
				fmt.Fprintf(&b, "package %s %s\n", quote(pkg), quote(fmt.Sprintf("%d %s requires the package %s, which %s has not got: %s", i, name(n), pkg, p.Name, p.packageAdvice())))
			}
		}
		for _, module := range n.KernelModules {
			fmt.Fprintf(&b, "module %s %s\n", quote(modulePattern(module)), quote(fmt.Sprintf("%d %s requires the kernel module %s, which the kernel of %s has not got: %s", i, name(n), module, p.Name, p.moduleAdvice())))
		}
	}
	b.WriteString("exit 0\n")
	return b.String()
}

func name(n resource.Requirement) string {
	if n.Pac == "" {
		return "the configuration"
	}
	return n.Pac
}

func (p Place) packageAdvice() string {
	switch p.Kind {
	case "image":
		return "add it to the packages of the image, or install it in the tree that it is made from"
	case "node":
		return "add it to the packages of the image that it boots"
	}
	return "install it there"
}

func (p Place) moduleAdvice() string {
	switch p.Kind {
	case "image":
		return `give the image another one, like kernel = "linux-image-amd64"`
	case "node":
		return `give the image that it boots another one, like kernel = "linux-image-amd64"`
	}
	return "start it with a kernel that has it"
}

// modulePattern matches a module's file name without what follows it: modprobe(8) holds - and _ for the same.
func modulePattern(module string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(module, ".", `\.`), "-", "_"), "_", "[-_]")
}

// Unmet reads what a Script printed: the error of each requirement that is not met, by its number.
func Unmet(output string) map[int]error {
	unmet := map[int]error{}
	for line := range strings.Lines(output) {
		number, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if i, err := strconv.Atoi(number); err == nil {
			unmet[i] = errors.Join(unmet[i], errors.New(text))
		}
	}
	return unmet
}

// Of are the requirements of some steps, each once, in order.
func Of(steps [][]resource.Requirement) (all []resource.Requirement) {
	seen := map[string]bool{}
	for _, s := range steps {
		for _, r := range s {
			if !seen[r.Pac] {
				seen[r.Pac] = true
				all = append(all, r)
			}
		}
	}
	return all
}

// quote makes one word of the shell of s.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
