// Package addr is the addresses of instances: `node.pc[0]`, `pac.boot.step.unit.dhcp["seed"]`. It owns their written form and
// their order, and knows nothing of what stands there.
package addr

import "strings"

// StepPrefix begins the type of every step: "step.file".
const StepPrefix = "step."

// Instance is the address of one instance of a block.
type Instance struct {
	Module Module // empty: the root module
	Type   string // "node", or for steps "step." and the step's type: "step.file"
	Name   string
	Key    Key
}

// Module is the path of Pacs from the root module down to one instance of a Pac. Empty is the root module.
type Module []Call

// Call is one Pac on a Module's path.
type Call struct {
	Name string
	Key  Key
}

// String returns the written form, which Parse reads.
func (i Instance) String() string {
	return i.Group() + i.Key.String()
}

// Group returns the address without the instance's own key: the rows of a plan are collapsed by it.
func (i Instance) Group() string {
	return i.Module.prefix() + i.Type + "." + i.Name
}

// String returns the written form, `pac.boot.pac.dhcp["a"]`; the root module's is empty.
func (m Module) String() string {
	return strings.TrimSuffix(m.prefix(), ".")
}

// Child returns the path to an instance of a Pac that m calls. It shares nothing with m.
func (m Module) Child(name string, key Key) Module {
	return append(m[:len(m):len(m)], Call{Name: name, Key: key})
}

func (m Module) prefix() string {
	var b strings.Builder
	for _, c := range m {
		b.WriteString("pac.")
		b.WriteString(c.Name)
		b.WriteString(c.Key.String())
		b.WriteByte('.')
	}
	return b.String()
}
