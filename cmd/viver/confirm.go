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
	question := "Do this?"
	if made.Destroy {
		question = "Destroy all of this? There is no way back."
	}
	return p.agree(question, "the plan")
}

// agree asks a question about what was shown.
func (a *app) agree(question, shown string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return fmt.Errorf("nobody can be asked, as standard input is no terminal: look at %s above, then add --auto-approve", shown)
	}
	fmt.Fprintf(a.errors, "\n%s Only 'yes' will be accepted: ", question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(answer) != "yes" {
		return errors.New("not approved, nothing was done")
	}
	fmt.Fprintln(a.errors)
	return nil
}
