package lang

// Variable is what others may know of a variable of the root module.
type Variable struct {
	Name      string
	Sensitive bool
}

// Variables lists the variables of the root module by name; none after a Load with errors.
func (c *Config) Variables() []Variable {
	if c.root == nil {
		return nil
	}
	var all []Variable
	for _, name := range sortedKeys(c.root.variables) {
		all = append(all, Variable{Name: name, Sensitive: c.root.variables[name].sensitive})
	}
	return all
}
