package lang

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/source"
)

// Ask evaluates an expression as if it stood in the root module, with what is known by now. more are names that mean something in it
// beside those of the module, and go before them. x was just parsed, and is used for nothing else. The only mark in the answer is
// Sensitive. Call it after Walk.
func (e *Evaluator) Ask(x hcl.Expression, more map[string]cty.Value) (cty.Value, hcl.Diagnostics) {
	asked := newExpression(x)
	asked.refs = slices.DeleteFunc(asked.refs, func(r reference) bool { return more[r.root] != cty.NilVal })
	if diags := e.config.check(asked.refs); diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var r result
	diags := e.collect(func() { r = e.root.eval(asked, more) })
	if !r.ok {
		return cty.DynamicVal, diags
	}
	return clean(r.value), diags
}

// check says which references mean nothing in the root module.
func (c *Config) check(refs []reference) hcl.Diagnostics {
	l := &loader{LoadOptions: c.options, kinds: kindsOf(c.options.Schemas)}
	l.checkRefs(site{m: c.root}, refs)
	return l.diags
}

// Names lists what expressions of the root module can refer to: "var.x", "local.x", "node.pc", "pac.boot", sorted by kind and name.
// None after a Load with errors.
func (c *Config) Names() []string {
	if c.root == nil {
		return nil
	}
	var names []string
	add := func(prefix string, list []string) {
		for _, name := range list {
			names = append(names, prefix+name)
		}
	}
	add("var.", sortedKeys(c.root.variables))
	add("local.", sortedKeys(c.root.locals))
	add("", sortedKeys(c.root.byName))
	add(pacKind+".", sortedKeys(c.root.callNames))
	return names
}

// CheckText says why data, the content of the file with this name, cannot be given to a parser of HCL, which has no bounds of its own;
// nil: it can.
func CheckText(name string, data []byte) *hcl.Diagnostic { return checkText(name, data) }

// Violation is the Extra of a diagnostic that comes from a rule in the configuration: a validation of a variable, a precondition or a
// postcondition.
type Violation struct {
	// Of is the address of the variable, "var.rooms" or "pac.boot.var.mode", or of the instance, "node.pc[0]".
	Of string
}

// Constant evaluates an expression that refers to nothing but more, with the functions of the language; files are read beside dir.
func Constant(x hcl.Expression, dir source.Dir, more map[string]cty.Value) (cty.Value, hcl.Diagnostics) {
	e := &Evaluator{files: newFileCache()}
	return x.Value(&hcl.EvalContext{Variables: more, Functions: e.functionsOf(dir)})
}
