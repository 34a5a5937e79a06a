package resource

import (
	"errors"

	"github.com/zclconf/go-cty/cty"
)

// The errors of a batch's members that were not tried.
var (
	// ErrSkipped: one before them failed. Those that do not need it can be tried in another batch.
	ErrSkipped = errors.New("skipped: a step before it failed")
	// ErrUnreached: the machine cannot be reached, or no longer, as the one before them says. Another batch would meet the same.
	ErrUnreached = errors.New("skipped: the machine cannot be reached")
)

// Untried reports whether an error of a batch's member says that nothing of it was begun.
func Untried(err error) bool { return errors.Is(err, ErrSkipped) || errors.Is(err, ErrUnreached) }

// Schema describes the arguments of a Type and the attributes that it computes. The value of an instance, as expressions see it, is an
// object of all of them plus three that every instance has: "kind" (the Type's name), "addr" (its address) and "key" (its key in
// count or for_each: a number, a string, or null).
type Schema struct {
	Doc        string
	Attributes map[string]*Attribute
	Blocks     map[string]*Block
	// AnyOf are arguments of which at least one must be given; nil: none need be.
	AnyOf []string
	// Check says what is wrong with the arguments of an instance together, in a clause that names what is wanted; nil: nothing. It is given
	// the object of all of them, in which what is not known yet or sensitive is unknown. Only a Type's own schema has one, no block's.
	Check func(config cty.Value) error
	// Waits says that Apply spends its time waiting for something outside: it takes no place within --parallelism.
	Waits bool
	// Bakes says that steps whose `on` is an instance of this Type are put into it (an image): they count among its
	// inputs, and it comes after them.
	Bakes bool
}

// Attribute is one argument or computed value.
type Attribute struct {
	// Type is cty.DynamicPseudoType where Refers is set: the value is then the object of the instance referred to (or a list,
	// set or map of such objects), and state keeps its address instead.
	Type cty.Type
	// Refers lists the kinds of instance that this attribute may refer to: "server", "node", "pac".
	Refers []string
	// Names lets the name of a machine, a string, stand in the place of a reference: of one that would have to wait for itself, or that
	// others look after.
	Names     bool
	Required  bool
	Default   cty.Value // cty.NilVal: null
	Sensitive bool
	// Replaces says that an instance cannot be changed in this, only replaced.
	Replaces bool
	// Computed marks a value that Apply returns. Arguments cannot set it.
	Computed bool
	// Manner says that the argument is about how apply works, not about how the thing is: a timeout. When nothing else changes there is
	// nothing to do but to remember it.
	Manner bool
	// Check says what is wrong with an argument, in a clause which names what is wanted; nil: whatever has the type will do. It is given
	// values that are wholly known, and neither null nor marked.
	Check func(cty.Value) error
	// File says that the configuration names a file, relative to the module's folder. The value is what is in it, in base64.
	File bool
	// Unique says that no two instances of the Type may have the same value, a string; upper and lower case count as the same.
	Unique bool
	// From are the arguments that a computed value follows from. When one of them changes, it is unknown in the plan; nil: all of them.
	From []string
	Doc  string
}

// Block is a nested block: at most one with Single, else any number; the value is an object (null if absent) or a list of objects.
type Block struct {
	Schema
	Single   bool
	Required bool
	Manner   bool // as in Attribute
}
