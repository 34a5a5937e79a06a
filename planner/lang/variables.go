package lang

import "github.com/zclconf/go-cty/cty"

// Variable is what others may know of a variable of the root module.
type Variable struct {
	Name      string
	Sensitive bool
	Required  bool // it has no default
}

// Variables lists the variables of the root module by name; none after a Load with errors.
func (c *Config) Variables() []Variable {
	if c.root == nil {
		return nil
	}
	var all []Variable
	for _, name := range sortedKeys(c.root.variables) {
		v := c.root.variables[name]
		all = append(all, Variable{Name: name, Sensitive: v.sensitive, Required: v.fallback == cty.NilVal})
	}
	return all
}
