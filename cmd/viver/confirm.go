package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"viver/planner/plan"
)

// confirm asks whether a plan is to be carried out. Where nobody can be asked it is not.
func (p *project) confirm(made *plan.Plan) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return errors.New("nobody can be asked, as standard input is no terminal: look at the plan above, then add --auto-approve")
	}
	question := "Do this?"
	if made.Destroy {
		question = "Destroy all of this? There is no way back."
	}
	fmt.Fprintf(p.errors, "\n%s Only 'yes' will be accepted: ", question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(answer) != "yes" {
		return errors.New("not approved, nothing was done")
	}
	fmt.Fprintln(p.errors)
	return nil
}
