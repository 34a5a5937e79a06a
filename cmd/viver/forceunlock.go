package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"viver/planner/state"
)

func (a *app) forceUnlockCommand() *cobra.Command {
	var approved bool
	cmd := &cobra.Command{
		Use:   "force-unlock",
		Short: "Say who is changing the state, and take the lock away",
		Long: `force-unlock says who has locked the state: the process, its machine and user, what it does and since when. It then takes a shared
state's lock away (state "ssh" or "etcd"): whoever had it can write nothing any more, and what he is doing on the machines is no longer
remembered. Locks of dead processes end by themselves: at once in a folder, after a minute or two elsewhere.

The lock of a folder goes with the process that has it, and cannot be taken away: force-unlock says how to end the process, and its exit
code is 1.`,
		Example: `  viver force-unlock
  viver force-unlock --auto-approve
  viver force-unlock --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.open().home()
			if err != nil {
				return err
			}
			holder, err := h.Holder(cmd.Context())
			if err != nil {
				return err
			}
			if holder == nil {
				return a.printUnlock(h, nil, false, "The state in %s is not locked.\n", h.Place())
			}
			if h.shared && !approved {
				if err := a.confirmUnlock(h, *holder); err != nil {
					return err
				}
			}
			if err := h.Unlock(cmd.Context(), *holder); err != nil {
				return errors.Join(a.printUnlock(h, holder, false, "The state in %s is locked by %s.\n", h.Place(), holder), err)
			}
			return a.printUnlock(h, holder, true, "The lock of %s was taken away from %s.\n", h.Place(), holder)
		},
	}
	cmd.Flags().BoolVar(&approved, "auto-approve", false, "do not ask")
	return cmd
}

// printUnlock says what was found; holder is nil where nobody has the lock.
func (a *app) printUnlock(h home, holder *state.Holder, unlocked bool, text string, args ...any) error {
	if a.json {
		return a.printJSON(map[string]any{"place": h.Place(), "holder": holder, "unlocked": unlocked})
	}
	fmt.Fprintf(a.out, text, args...)
	return nil
}

func (a *app) confirmUnlock(h home, holder state.Holder) error {
	fmt.Fprintf(a.errors, "The state in %s is locked by %s.\n", h.Place(), holder)
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return errors.New("nobody can be asked, as standard input is no terminal: add --auto-approve if its work may be lost")
	}
	fmt.Fprint(a.errors, "What it does from now on is not remembered. Take the lock away? Only 'yes' will be accepted: ")
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(answer) != "yes" {
		return errors.New("not approved, nothing was done")
	}
	return nil
}
