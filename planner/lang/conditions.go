package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
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
	prefix := ""
	if len(m.path) > 0 {
		prefix = m.path.String() + "."
	}
	for _, c := range m.module.checks {
		for _, a := range c.asserts {
			out := Check{Name: prefix + "check." + c.name, Range: a.holds.Range()}
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

// validate reports variables that break one of their validation rules.
func (m *moduleInstance) validate() bool {
	ok := true
	for _, name := range sortedKeys(m.variables) {
		ok = m.e.demand(m.variables[name]).ok && ok
		for _, c := range m.module.variables[name].validations {
			if status, message := m.judge(c); ok && status == CheckFailed {
				m.e.report(m.invalid(name, c, message))
				ok = false
			}
		}
	}
	return ok
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
	return errorf(&subject, "Invalid value for variable", "The value of variable %q is refused: %s (The rule is at %s.)", name, message, rule)
}

// judge evaluates a condition; message is set if it failed.
func (m *moduleInstance) judge(c condition) (status CheckStatus, message string) {
	got := m.eval(&c.holds, nil)
	if !got.ok {
		return CheckUnknown, ""
	}
	v, err := convert.Convert(clean(got.value), cty.Bool)
	v, _ = v.Unmark()
	switch {
	case err != nil || v.IsNull():
		m.e.reportOnce(errorf(c.holds.Range().Ptr(), "Unsuitable condition", "A condition is true or false; this one is %s.", found(got.value)))
		return CheckUnknown, ""
	case !v.IsKnown():
		return CheckUnknown, ""
	case v.True():
		return CheckPassed, ""
	}
	return CheckFailed, m.message(&c.message)
}

func (m *moduleInstance) message(x *expression) string {
	got := m.eval(x, nil)
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
