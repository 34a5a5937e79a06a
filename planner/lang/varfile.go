package lang

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"viver/planner/source"
)

// autoSuffixes end the names of files of variables that are read without being asked for.
var autoSuffixes = [...]string{".auto.viver.vars", ".auto.viver.vars.json"}

// AutoVarFiles returns the paths of those files of variables in a configuration's folder that are read without being asked for,
// *.auto.viver.vars and *.auto.viver.vars.json, in the order in which they count: a later one more. There are none where the folder cannot
// be read.
func AutoVarFiles(dir string) []string {
	d, err := source.Local(dir)
	if err != nil {
		return nil
	}
	names, err := d.Names()
	if err != nil {
		return nil
	}
	var paths []string
	for _, name := range names { // sorted
		if !strings.HasPrefix(name, ".") && slices.ContainsFunc(autoSuffixes[:], func(s string) bool { return strings.HasSuffix(name, s) }) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// ReadVarFile reads a file of variables: lines NAME = EXPRESSION in HCL, or JSON where the name ends in .json. Expressions are
// constants: they cannot refer to anything. Such files hold secrets, so their lines are in no message: errors say where something is wrong,
// and Files has no text of them.
func ReadVarFile(path string) ([]Input, hcl.Diagnostics) {
	dir, err := source.Local(".")
	var data []byte
	if err == nil {
		data, err = dir.ReadFile(path)
	}
	if err != nil {
		return nil, hcl.Diagnostics{errorf(nil, "Variables not readable", "%s.", upperFirst(err.Error()))}
	}
	if d := checkText(path, data); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	parse := hclparse.NewParser().ParseHCL
	if strings.HasSuffix(path, ".json") {
		parse = hclparse.NewParser().ParseJSON
	}
	file, diags := parse(data, path)
	if diags.HasErrors() {
		return nil, few(path, diags)
	}
	attrs, diags := file.Body.JustAttributes()
	var inputs []Input
	for _, name := range sortedKeys(attrs) {
		v, more := attrs[name].Expr.Value(nil)
		diags = append(diags, more...)
		if !more.HasErrors() {
			inputs = append(inputs, Input{Name: name, Value: v, Source: fmt.Sprintf("%s:%d", path, attrs[name].Range.Start.Line), Shared: true})
		}
	}
	return inputs, diags
}
