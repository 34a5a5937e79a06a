package lang

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/bitset"
)

// Checks evaluates the asserts of all check blocks, those of Pacs included, with what is known so far.
func (e *Evaluator) Checks() ([]Check, hcl.Diagnostics) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var checks []Check
	diags := e.collect(func() { checks = e.root.checks() })
	return checks, diags
}

func (m *moduleInstance) checks() []Check {
	var checks []Check
	for _, c := range m.module.checks {
		for _, a := range c.asserts {
			out := Check{Name: m.prefix() + "check." + c.name, Range: a.holds.Range()}
			out.Status, out.Message = m.judge(a)
			checks = append(checks, out)
		}
	}
	for _, c := range m.module.calls {
		for _, mi := range m.calls[c.name].instances {
			checks = append(checks, mi.checks()...)
		}
	}
	return checks
}

// prefix stands before addresses in the module.
func (m *moduleInstance) prefix() string {
	if len(m.path) == 0 {
		return ""
	}
	return m.path.String() + "."
}

// rule is a validation of a variable.
type rule struct {
	name string
	condition
}

// validate reports variables that break one of their validation rules. Those that cannot be judged yet are kept in m.rules.
func (m *moduleInstance) validate() bool {
	ok := true
	for _, name := range sortedKeys(m.variables) {
		ok = m.e.demand(m.variables[name]).ok && ok
		for _, c := range m.module.variables[name].validations {
			m.rules = append(m.rules, rule{name, c})
		}
	}
	return m.judgeRules() && ok
}

// judgeRules reports the rules that are broken, and forgets those that are kept.
func (m *moduleInstance) judgeRules() bool {
	ok := true
	m.rules = slices.DeleteFunc(m.rules, func(r rule) bool {
		status, message := m.judge(r.condition)
		if status == CheckFailed {
			m.e.report(m.invalid(r.name, r.condition, message))
			ok = false
		}
		return status == CheckPassed
	})
	return ok
}

// judgeRulesAbove is judgeRules for the Pac of m, and for those that it is called from.
func (m *moduleInstance) judgeRulesAbove() {
	for ; m != nil; m = m.call.in {
		m.judgeRules()
		if m.call == nil {
			return
		}
	}
}

// invalid points at the input of the pac block, or where there is none, at the variable.
func (m *moduleInstance) invalid(name string, c condition, message string) *hcl.Diagnostic {
	subject := m.module.variables[name].rng
	if m.call != nil {
		subject = m.call.call.rng
		if x, given := m.call.call.inputs[name]; given {
			subject = x.Range()
		}
	}
	rule := c.holds.Range()
	d := errorf(&subject, "Invalid value for variable", "The value of variable %q is refused: %s (The rule is at %s.)", name, message, rule)
	d.Extra = Violation{Of: m.prefix() + "var." + name}
	return d
}

// judge evaluates a condition that is the same for all instances; message is set if it failed.
func (m *moduleInstance) judge(c condition) (status CheckStatus, message string) {
	return m.e.judge(c, func(x *expression) result { return m.eval(x, nil) }, nil)
}

// judge evaluates a condition by eval. What it depends on is added to depends, which may be nil.
func (e *Evaluator) judge(c condition, eval func(*expression) result, depends *bitset.Set) (status CheckStatus, message string) {
	got := eval(&c.holds)
	if !got.ok {
		return CheckUnknown, ""
	}
	if depends == nil {
		depends = &bitset.Set{}
	}
	v, err := convert.Convert(split(got.value, depends), cty.Bool)
	v, _ = v.Unmark()
	switch {
	case err != nil || v.IsNull():
		e.reportOnce(errorf(c.holds.Range().Ptr(), "Unsuitable condition", "A condition is true or false; this one is %s.", found(got.value)))
		return CheckUnknown, ""
	case !v.IsKnown():
		return CheckUnknown, ""
	case v.True():
		return CheckPassed, ""
	}
	return CheckFailed, messageOf(eval(&c.message))
}

// messageOf returns the text of an error_message.
func messageOf(got result) string {
	v, err := convert.Convert(got.value, cty.String)
	if !got.ok || err != nil {
		return "(its error_message is no string)"
	}
	v, marks := v.Unmark()
	switch {
	case marks.Has(Sensitive):
		return "(its error_message holds a sensitive value)"
	case v.IsNull() || !v.IsKnown():
		return "(its error_message is not known yet)"
	}
	return v.AsString()
}

// preconditions reports those of the block that do not hold for an instance. mine is the context of its arguments.
func (n *blockNode) preconditions(i *instance, mine *hcl.EvalContext, depends *bitset.Set) bool {
	return n.conditions(i, n.block.life.before, "Precondition not met", depends, func(x *expression) result {
		v, diags := x.Value(mine)
		n.in.e.reportOnce(diags...)
		return result{value: v, ok: !diags.HasErrors()}
	})
}

// postconditions reports those of the block that do not hold for an instance, of which what is known so far is known.
func (n *blockNode) postconditions(i *instance) bool {
	if len(n.block.life.after) == 0 {
		return true
	}
	vars, ok := n.variables(i.slot)
	if !ok {
		return false
	}
	if vars == nil {
		vars = variables{}
	}
	vars["self"] = i.value
	return n.conditions(i, n.block.life.after, "Postcondition not met", nil, func(x *expression) result { return n.in.eval(x, vars) })
}

func (n *blockNode) conditions(i *instance, all []condition, summary string, depends *bitset.Set, eval func(*expression) result) bool {
	ok := true
	for _, c := range all {
		before := len(n.in.e.diags)
		status, message := n.in.e.judge(c, eval, depends)
		if status == CheckFailed {
			d := errorf(c.holds.Range().Ptr(), summary, "%s: %s", i.Addr, message)
			d.Extra = Violation{Of: i.Addr.String()}
			n.in.e.report(d)
		}
		ok = ok && status != CheckFailed && !n.in.e.diags[before:].HasErrors()
	}
	return ok
}

// Verify reports the postconditions that do not hold for an instance, whose value Set has brought: what follows from it must not go on then.
// Numbers that no instance has are ignored. Walk verifies what it can by itself.
func (e *Evaluator) Verify(number int) hcl.Diagnostics {
	e.mu.Lock()
	defer e.mu.Unlock()
	if number < 0 || number >= len(e.instances) {
		return nil
	}
	i := e.instances[number]
	return e.collect(func() { i.node.postconditions(i) })
}
