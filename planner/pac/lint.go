package pac

import (
	"errors"
	"fmt"
	"io/fs"

	"viver/planner/lang"
	"viver/planner/source"
)

// Lint says what somebody who is given a Pac would miss: descriptions, types, a README, tests. Each is a sentence; nothing of it keeps a Pac from
// working.
func (d *Doc) Lint(dir source.Dir) (missing []string, err error) {
	names, err := dir.Names()
	if err != nil {
		return nil, fmt.Errorf("pac: %w", err)
	}
	tests := false
	for _, name := range names {
		tests = tests || lang.IsTest(name)
	}
	if !tests {
		missing = append(missing, "It has no test: write NAME.test.viver.hcl with a small room that uses it.")
	}
	if data, err := dir.ReadFile("README.md"); len(data) == 0 {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("pac: %w", err)
		}
		missing = append(missing, "It has no README.md: say what it brings about, on what, and what it leaves alone.")
	}
	if d.Text == "" {
		missing = append(missing, "Its first file does not begin with a comment that says in a line what it brings about.")
	}
	for _, v := range d.Variables {
		if v.Description == "" {
			missing = append(missing, fmt.Sprintf("Variable %s has no description.", v.Name))
		}
		if !v.Typed {
			missing = append(missing, fmt.Sprintf("Variable %s has no type.", v.Name))
		}
	}
	for _, o := range d.Outputs {
		if o.Description == "" {
			missing = append(missing, fmt.Sprintf("Output %s has no description.", o.Name))
		}
	}
	return missing, nil
}
