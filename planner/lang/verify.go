package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/resource"
)

// site is where expressions stand: it decides which of each, count and self have a meaning.
type site struct {
	m      *module
	repeat repetition
	self   bool
}

// checkReferences checks that all names exist, in all modules.
func (l *loader) checkReferences() {
	for _, m := range l.order {
		outside := site{m: m}
		for _, c := range m.calls {
			if c.callee != nil {
				l.checkInputs(c)
			}
			in := site{m: m, repeat: c.repeat}
			for _, name := range sortedKeys(c.inputs) {
				l.checkRefs(in, c.inputs[name].refs)
			}
			l.checkRepeatRefs(outside, c.repeat)
			l.checkRefs(outside, c.dependsOn)
		}
		for _, b := range m.blocks {
			l.checkBlockRefs(b, m)
		}
		for _, name := range sortedKeys(m.locals) {
			l.checkRefs(outside, m.locals[name].value.refs)
		}
		for _, name := range sortedKeys(m.outputs) {
			o := m.outputs[name]
			l.checkRefs(outside, o.value.refs)
			l.checkRefs(outside, o.dependsOn)
		}
		for _, name := range sortedKeys(m.variables) {
			l.checkConditions(outside, m.variables[name].validations)
		}
		for _, c := range m.checks {
			l.checkConditions(outside, c.asserts)
		}
		l.checkMoved(m)
		l.checkRemoved(m)
		l.checkImports(m)
	}
}

func (l *loader) checkBlockRefs(b *block, m *module) {
	outside := site{m: m}
	l.checkRepeatRefs(outside, b.repeat)
	if b.on != nil {
		l.checkRefs(site{m: m, repeat: b.repeat}, b.on.refs)
	}
	l.checkRefs(site{m: m, repeat: b.repeat, self: b.isStep()}, b.refs)
	l.checkRefs(site{m: m, repeat: b.repeat, self: true}, b.life.afterRefs)
	l.checkRefs(outside, b.dependsOn)
}

func (l *loader) checkRepeatRefs(s site, r repetition) {
	for _, e := range []*expression{r.count, r.forEach} {
		if e != nil {
			l.checkRefs(s, e.refs)
		}
	}
}

func (l *loader) checkConditions(s site, conditions []condition) {
	for _, c := range conditions {
		l.checkRefs(s, c.holds.refs)
		l.checkRefs(s, c.message.refs)
	}
}

func (l *loader) checkRefs(s site, refs []reference) {
	for _, r := range refs {
		l.checkRef(s, r)
	}
}

func (l *loader) checkRef(s site, r reference) {
	switch r.root {
	case callRoot:
		l.checkCall(r)
	case "each", "count", "self":
		l.checkInstanceRef(s, r)
	case "path":
		l.checkName(r, []string{"module", "root"})
	case "var":
		l.checkName(r, sortedKeys(s.m.variables))
	case "local":
		l.checkName(r, sortedKeys(s.m.locals))
	case pacKind:
		if l.checkName(r, sortedKeys(s.m.callNames)) {
			l.checkOutputRef(s.m.callNames[r.name], r)
		}
	default:
		if !l.isBlockRoot(r.root) {
			roots := append([]string{"var", "local", pacKind, stepKind, "path", "each", "count", "self"}, l.kinds...)
			l.report(errorf(&r.rng, "Unknown name", "There is nothing called %q.%s", r.root, suggest(r.root, roots)))
			return
		}
		var names []string
		for _, b := range s.m.blocks {
			if name, ok := strings.CutPrefix(b.address(), r.root+"."); ok {
				names = append(names, name)
			}
		}
		if l.checkName(r, names) {
			l.checkAttributeRef(s.m.byName[r.String()], r)
		}
	}
}

func (l *loader) checkInstanceRef(s site, r reference) {
	switch {
	case r.root == "self" && !s.self:
		l.report(errorf(&r.rng, "No self here", "\"self\" is the machine on which a step acts: it has a meaning in a step's arguments only."))
	case r.root == "self":
	case r.root == "each" && s.repeat.forEach == nil:
		l.report(errorf(&r.rng, "No each here", "\"each\" has a meaning only in a block with for_each."))
	case r.root == "count" && s.repeat.count == nil:
		l.report(errorf(&r.rng, "No count here", "\"count\" has a meaning only in a block with count."))
	case r.root == "each":
		l.checkName(r, []string{"key", "value"})
	default:
		l.checkName(r, []string{"index"})
	}
}

// checkName reports a name that is not among those that exist.
func (l *loader) checkName(r reference, exist []string) bool {
	if r.malformed {
		l.report(errorf(&r.rng, "Incomplete reference", "%q needs a name after it: %s.", r.root, example(r.root, exist)))
		return false
	}
	if slices.Contains(exist, r.name) {
		return true
	}
	l.report(errorf(&r.rng, "Not declared", "%s is not declared in this module.%s", r, suggestReference(r, exist)))
	return false
}

func suggestReference(r reference, exist []string) string {
	full := make([]string, len(exist))
	for i, name := range exist {
		full[i] = r.root + "." + name
	}
	return suggest(r.String(), full)
}

func example(root string, exist []string) string {
	if len(exist) > 0 {
		return root + "." + exist[0]
	}
	if root == stepKind {
		return root + ".TYPE.NAME"
	}
	return root + ".NAME"
}

// objectAttributes are what every instance and every Pac has beside its own attributes.
var objectAttributes = [...]string{"kind", "addr", "key"}

// checkOutputRef checks pac.x.OUTPUT.
func (l *loader) checkOutputRef(c *call, r reference) {
	name, ok := instanceAttribute(r, c.repeat.none())
	if !ok || c.callee == nil {
		return
	}
	exist := append(sortedKeys(c.callee.outputs), objectAttributes[:]...)
	if !slices.Contains(exist, name) {
		l.report(errorf(&r.rng, "Unknown output", "The Pac %s has no output %q.%s", c.source, name, suggest(name, exist)))
	}
}

// checkAttributeRef checks node.pc.ATTRIBUTE.
func (l *loader) checkAttributeRef(b *block, r reference) {
	single := b.repeat.none() && !b.isStep() // a step may have many instances by its machines
	name, ok := instanceAttribute(r, single)
	if !ok {
		return
	}
	exist := attributeNames(b.schema)
	exist = append(exist, objectAttributes[:]...)
	if b.isStep() {
		exist = append(exist, "on", "timeout")
	}
	if !slices.Contains(exist, name) {
		l.report(errorf(&r.rng, "Unknown attribute", "%s has no attribute %q.%s", b.address(), name, suggest(name, exist)))
	}
}

func attributeNames(s *resource.Schema) []string {
	return append(sortedKeys(s.Attributes), sortedKeys(s.Blocks)...)
}

// instanceAttribute returns the attribute of one instance that r names, if it plainly does: ATTR in node.pc[0].ATTR, or, of a block with a
// single instance, in server.seed.ATTR.
func instanceAttribute(r reference, single bool) (string, bool) {
	if single {
		return r.attribute()
	}
	if len(r.rest) > 1 {
		if _, ok := r.rest[0].(hcl.TraverseIndex); ok {
			return reference{rest: r.rest[1:]}.attribute()
		}
	}
	return "", false
}
