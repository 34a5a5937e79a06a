package lang

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Input is a value for a variable of the root module.
type Input struct {
	Name string
	// Text is an HCL expression, or for variables of type string, or without a type, the string itself. It counts where Value is
	// cty.NilVal.
	Text  string
	Value cty.Value
	// Source says for error messages where it came from: "--var", "prod.viver.vars:3", "the environment".
	Source string
	// Shared says that it may be meant for another configuration, too: if there is no such variable here, that is only a warning.
	Shared bool
}

// NewEvaluator checks the inputs against the variables of the root module. Of several inputs with one name the last counts. c is one
// that Load returned without errors. Warnings come with those of Walk.
func NewEvaluator(c *Config, inputs []Input) (*Evaluator, hcl.Diagnostics) {
	e := &Evaluator{config: c, inputs: map[string]cty.Value{}, files: newFileCache(), planTime: c.planTime, byAddress: map[string]*instance{}}
	declared := c.root.variables
	diags := hcl.Diagnostics{}
	for _, in := range inputs {
		v, ok := declared[in.Name]
		if !ok {
			d := errorf(nil, "Unknown variable", "%s gives a value to %q, which is no variable of this configuration.%s", in.from(), in.Name, suggest(in.Name, sortedKeys(declared)))
			if in.Shared {
				d.Severity = hcl.DiagWarning
			}
			diags = append(diags, d)
			continue
		}
		value, more := v.read(in)
		diags = append(diags, more...)
		if !more.HasErrors() {
			e.inputs[in.Name] = value
		}
	}
	for _, name := range sortedKeys(declared) {
		v := declared[name]
		if _, given := e.inputs[name]; given || diags.HasErrors() {
			continue
		}
		if v.fallback == cty.NilVal {
			diags = append(diags, errorf(&v.rng, "Missing variable", "The variable %q has no default: give it a value with --var %s=VALUE, or in a file with --var-file.", name, name))
			continue
		}
		e.inputs[name] = v.fallback
	}
	if diags.HasErrors() {
		return nil, diags
	}
	e.warnings = diags
	e.root = newModuleInstance(e, c.root, nil, hcl.Range{})
	for name, v := range declared {
		e.root.variables[name] = &vertex{label: "var." + name, rng: v.rng, compute: func() result { return v.finish(e.inputs[name]) }}
	}
	return e, nil
}

func (in Input) from() string {
	if in.Source == "" {
		return "An input"
	}
	return in.Source
}

// read converts an input to the variable's type.
func (v *variable) read(in Input) (cty.Value, hcl.Diagnostics) {
	value := in.Value
	if value == cty.NilVal {
		var diags hcl.Diagnostics
		if value, diags = v.parse(in); diags.HasErrors() {
			return cty.NilVal, diags
		}
	}
	value, err := v.accept(value)
	var inner placeError
	if v.sensitive && errors.As(err, &inner) {
		err = inner.err // without keys, which may be secrets, too
	}
	if err != nil {
		return cty.NilVal, hcl.Diagnostics{errorf(&v.rng, "Unsuitable variable", "The value of %q from %s does not fit: %s.", v.name, in.from(), err)}
	}
	return value, nil
}

func (v *variable) parse(in Input) (cty.Value, hcl.Diagnostics) {
	if v.untyped || v.typ.isString() {
		return cty.StringVal(in.Text), nil
	}
	name := "<" + in.from() + ">"
	x, diags := hclsyntax.ParseExpression([]byte(in.Text), name, hcl.InitialPos)
	var value cty.Value
	if !diags.HasErrors() {
		value, diags = x.Value(nil)
	}
	switch {
	case diags.HasErrors() && v.sensitive: // what is wrong may quote the value
		diags = hcl.Diagnostics{errorf(&v.rng, "Unsuitable variable", "The value of %q from %s is no constant of HCL. Strings within it stand in quotes.", v.name, in.from())}
	case diags.HasErrors():
		diags = hcl.Diagnostics{errorf(&v.rng, "Unsuitable variable", "The value of %q from %s is no constant of HCL: %s. Strings within it stand in quotes.", v.name, in.from(), strings.TrimSuffix(diags[0].Detail, "."))}
	}
	return value, diags
}

// accept converts a value, which may be marked, to the variable's type.
func (v *variable) accept(value cty.Value) (cty.Value, error) {
	if value.IsNull() && !v.nullable {
		if v.fallback == cty.NilVal {
			return value, fmt.Errorf("it is null, and the variable is not nullable")
		}
		return v.fallback, nil
	}
	return v.typ.convert(value)
}

// finish makes the result of a converted value.
func (v *variable) finish(value cty.Value) result {
	if v.sensitive {
		value = value.Mark(Sensitive)
	}
	return result{value: value, stable: true, ok: true}
}
