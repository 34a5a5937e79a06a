package lang

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"viver/planner/source"
)

// templateFunctions are templatefile and templatestring. Within templates the others may be used, but not these: a template cannot
// bring itself about.
func (c *fileCache) templateFunctions(dir source.Dir, others map[string]function.Function) map[string]function.Function {
	file := templateFunction("path", others, func(name string) (hclsyntax.Expression, error) { return c.template(dir, name) })
	text := templateFunction("template", others, func(text string) (hclsyntax.Expression, error) { return parseTemplate(text, "<templatestring>") })
	return map[string]function.Function{
		"templatefile": file, coreNamespace + "templatefile": file,
		"templatestring": text, coreNamespace + "templatestring": text,
	}
}

// templateFunction makes a function of a template, which parse finds by the first argument, and an object whose attributes are names in it.
func templateFunction(name string, functions map[string]function.Function, parse func(string) (hclsyntax.Expression, error)) function.Function {
	render := func(args []cty.Value) (cty.Value, error) {
		x, err := parse(args[0].AsString())
		if err != nil {
			return cty.DynamicVal, function.NewArgError(0, err)
		}
		if ty := args[1].Type(); !ty.IsObjectType() && !ty.IsMapType() {
			return cty.DynamicVal, function.NewArgErrorf(1, "want an object, not %s", ty.FriendlyName())
		}
		vars := args[1].AsValueMap()
		for _, t := range x.Variables() {
			if _, ok := vars[t.RootName()]; !ok {
				return cty.DynamicVal, function.NewArgErrorf(1, "the template names %q at %s, which is not among the values given", t.RootName(), t.SourceRange())
			}
		}
		v, diags := x.Value(&hcl.EvalContext{Variables: vars, Functions: functions})
		return v, firstError(diags)
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{param(name, cty.String), param("values", cty.DynamicPseudoType)},
		Type: func(args []cty.Value) (cty.Type, error) {
			if !args[0].IsKnown() || !args[1].IsKnown() {
				return cty.DynamicPseudoType, nil
			}
			v, err := render(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return render(args) },
	})
}

func (c *fileCache) template(dir source.Dir, name string) (hclsyntax.Expression, error) {
	text, err := c.text(dir, name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return once(c.templates, dir.Path+"\x00"+name, func() (hclsyntax.Expression, error) { return parseTemplate(text, dir.Label(name)) })
}

func parseTemplate(text, name string) (hclsyntax.Expression, error) {
	if d := checkText(name, []byte(text)); d != nil {
		return nil, errors.New(d.Detail)
	}
	x, diags := hclsyntax.ParseTemplate([]byte(text), name, hcl.InitialPos)
	return x, firstError(diags)
}

// firstError returns the first error among diagnostics with its place, or nil.
func firstError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			if d.Subject == nil {
				return errors.New(d.Detail)
			}
			return fmt.Errorf("%s: %s", d.Subject, d.Detail)
		}
	}
	return nil
}
