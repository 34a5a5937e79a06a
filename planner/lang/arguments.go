package lang

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/bitset"
	"viver/planner/resource"
)

// argument is one evaluated argument, or all blocks of one type.
type argument struct {
	value   cty.Value // without dependency marks
	depends bitset.Set
	known   bool // nothing unknown went into it
	ok      bool
}

// arguments evaluates all arguments of an instance. What mentions none of each, count and self is evaluated once for all instances.
func (n *blockNode) arguments(i *instance) (o Object, known map[string]bool, ok bool) {
	if !n.in.refresh(&n.context, n.block.refs) {
		return Object{}, nil, false
	}
	ctx := n.context.hcl
	vars, ok := n.variables(i.slot)
	if !ok {
		return Object{}, nil, false
	}
	mine := within(ctx, vars)
	schema := n.block.schema
	attrs := make(map[string]cty.Value, len(schema.Attributes)+len(schema.Blocks)+5)
	known = make(map[string]bool, len(schema.Attributes)+len(schema.Blocks)+2)
	o.Depends = i.slot.depends.Clone()
	if !n.preconditions(i, mine, &o.Depends) {
		return o, nil, false
	}
	if o.Lifecycle, ok = n.lifecycleOf(ctx, mine, &o.Depends); !ok {
		return o, nil, false
	}
	take := func(name string, perInstance bool, eval func(*hcl.EvalContext) argument) {
		a := n.argument(name, perInstance, ctx, mine, eval)
		ok = ok && a.ok
		attrs[name], known[name] = a.value, a.known
		o.Depends.Or(a.depends)
	}
	for name, a := range schema.Attributes {
		if !a.Computed {
			x := n.block.attrs[name]
			take(name, x != nil && x.perInstance(), func(ctx *hcl.EvalContext) argument { return n.attribute(x, a, name, ctx) })
		}
	}
	for name, b := range schema.Blocks {
		nested := n.block.nested[name]
		take(name, nested.perInstance, func(ctx *hcl.EvalContext) argument { return n.nested(name, b, ctx) })
	}
	if n.block.isStep() {
		attrs["on"] = i.slot.machine.object
		known["on"] = i.slot.machine.stable
		if schema.Attributes["timeout"] == nil {
			x := n.block.timeout
			take("timeout", x != nil && x.perInstance(), func(ctx *hcl.EvalContext) argument { return n.timeout(x, ctx) })
		}
	}
	o.Value = cty.ObjectVal(attrs)
	return o, known, ok
}

// argument evaluates one argument, or takes it from the constants.
func (n *blockNode) argument(name string, perInstance bool, ctx, mine *hcl.EvalContext, eval func(*hcl.EvalContext) argument) argument {
	if perInstance {
		return eval(mine)
	}
	e := n.in.e
	c := n.constants[name]
	if c == nil {
		c = &constant{}
		if n.constants == nil {
			n.constants = map[string]*constant{}
		}
		n.constants[name] = c
	}
	if !e.valid(c.stamp) || !c.argument.ok && !e.walking {
		c.argument = eval(ctx)
		c.stamp = e.stamp(c.argument.known)
	}
	return c.argument
}

// settle makes an argument of a value: marks off, and whether it can still change.
func (n *blockNode) settle(v cty.Value, ok bool) argument {
	a := argument{ok: ok}
	a.value = split(v, &a.depends)
	a.known = n.context.stamp.stable || a.value.IsWhollyKnown()
	return a
}

func (n *blockNode) attribute(x *expression, s *resource.Attribute, name string, ctx *hcl.EvalContext) argument {
	if x == nil {
		return argument{value: unset(s), known: true, ok: true}
	}
	v, diags := x.Value(ctx)
	n.in.e.reportOnce(diags...)
	if diags.HasErrors() {
		return argument{value: cty.DynamicVal}
	}
	a := n.settle(v, true)
	v, err := fit(a.value, s)
	if err == nil && s.File {
		v, err = contentOf(v, ctx)
	}
	if err != nil {
		n.in.e.reportOnce(unsuitable(x, ctx, name, err))
		return argument{value: cty.DynamicVal}
	}
	a.value = v
	return a
}

func unsuitable(x hcl.Expression, ctx *hcl.EvalContext, name string, err error) *hcl.Diagnostic {
	d := errorf(x.Range().Ptr(), "Unsuitable value", "The argument %q does not fit: %s.", name, err)
	d.Expression, d.EvalContext = x, ctx
	return d
}

// unset returns the value of an argument that is not given.
func unset(s *resource.Attribute) cty.Value {
	v := s.Default
	if v == cty.NilVal {
		v = cty.NullVal(s.Type)
	}
	if s.Sensitive {
		v = v.Mark(Sensitive)
	}
	return v
}

// fit makes a value of the attribute's type of v, which has no marks but Sensitive.
func fit(v cty.Value, s *resource.Attribute) (cty.Value, error) {
	if v.IsNull() {
		if s.Required {
			return v, errors.New("it is required, and null")
		}
		_, marks := v.Unmark()
		return unset(s).WithMarks(marks), nil
	}
	var err error
	if len(s.Refers) > 0 {
		err = refers(v, s)
	} else {
		v, err = convert.Convert(v, s.Type)
	}
	if err == nil && s.Check != nil {
		if err = checkKnown(v, s.Check); err != nil && (s.Sensitive || isSecret(v)) {
			err = errors.New("it is refused; why is not shown, as that may quote a sensitive value")
		}
	}
	if s.Sensitive && err == nil {
		v = v.Mark(Sensitive)
	}
	return v, at("", err)
}

// checkKnown applies a type's own check to what is known.
func checkKnown(v cty.Value, rule func(cty.Value) error) error {
	if v, _ = v.UnmarkDeep(); v.IsNull() || !v.IsWhollyKnown() {
		return nil
	}
	return rule(v)
}

// refers checks that v is a reference of the kinds that s wants, or a collection of such.
func refers(v cty.Value, s *resource.Attribute) error {
	v, _ = v.Unmark()
	if !v.IsKnown() || kindOf(v) != "" || v.IsNull() || !v.CanIterateElements() {
		return wantReference(v, s)
	}
	for k, e := range v.Elements() {
		e, _ = e.Unmark()
		if err := wantReference(e, s); err != nil {
			if v.Type().IsSetType() {
				return err
			}
			return at(pathText(cty.Path{cty.IndexStep{Key: k}}), err)
		}
	}
	return nil
}

// wantReference says why v, which is not marked, is neither a reference as s wants it nor a name, if that will do.
func wantReference(v cty.Value, s *resource.Attribute) error {
	err := wantKind(v, s.Refers)
	if err == nil || !s.Names {
		return err
	}
	if v.Type() == cty.String && !v.IsNull() {
		return nil
	}
	return fmt.Errorf("a name, or %w", err)
}

// timeout evaluates a step's timeout: a string with the form of time.ParseDuration, or null.
func (n *blockNode) timeout(x *expression, ctx *hcl.EvalContext) argument {
	a := n.attribute(x, &resource.Attribute{Type: cty.String}, "timeout", ctx)
	v, _ := a.value.Unmark()
	if !a.ok || v.IsNull() || !v.IsKnown() {
		return a
	}
	if d, err := time.ParseDuration(v.AsString()); err != nil || d <= 0 {
		n.in.e.reportOnce(unsuitable(x, ctx, "timeout", errors.New(`a duration like "90s" or "10m" is wanted`)))
		a.ok = false
	}
	return a
}
