package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"viver/planner/state"
)

// edit changes the state as a whole, for cmd: f makes the next one of that which there is, and tells what it did. That is printed, each
// part in a line, or in JSON under a name. A dry run locks nothing.
func edit[T any](a *app, cmd *cobra.Command, dry bool, f func(*state.State) (*state.State, []T, error), name string, line func(T) string) error {
	var done []T
	step := func(s *state.State) (next *state.State, err error) {
		next, done, err = f(s)
		return next, err
	}
	if err := a.open().edit(cmd, dry, step); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"dry_run": dry, name: done})
	}
	for _, d := range done {
		fmt.Fprintln(a.out, line(d))
	}
	return nil
}

func (p *project) edit(cmd *cobra.Command, dry bool, f func(*state.State) (*state.State, error)) error {
	if dry {
		s, err := p.remembered(cmd.Context())
		if err == nil {
			_, err = f(s)
		}
		return err
	}
	return p.withState(cmd.Context(), cmd.CommandPath(), func(w state.Writer) error { return change(w, f) })
}

// change puts in place of a state what f makes of it; nil: it stays.
func change(w state.Writer, f func(*state.State) (*state.State, error)) error {
	next, err := f(w.State())
	if err != nil || next == nil {
		return err
	}
	return w.Replace(next)
}

// would begins what a command says that it did, or would do.
func would(dry bool, did, without string) string {
	if dry {
		return without
	}
	return did
}

func (a *app) stateMoveCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "mv FROM TO",
		Short: "Remember something at another address",
		Long: `mv gives what is remembered at an address another one, after it was renamed in the configuration: an instance, a block with all its
instances, or a Pac with all that is in it. What refers to it and what depends on it goes with it, so that plan finds nothing to do. No
machine is touched. A block moved { from = ... to = ... } in the configuration does the same for everybody who uses it.`,
		Example: `  viver state mv node.pc node.lab
  viver state mv 'node.pc[3]' 'node.lab["pc04"]'
  viver state mv pac.boot 'pac.boot["a"]' --dry-run`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: words(a.addresses),
		RunE: func(cmd *cobra.Command, args []string) error {
			move := func(s *state.State) (*state.State, []state.Renamed, error) { return s.Move(args[0], args[1]) }
			return edit(a, cmd, dry, move, "moved", func(m state.Renamed) string {
				return would(dry, "moved ", "would move ") + m.From + " to " + m.To
			})
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be done")
	return cmd
}

func (a *app) stateForgetCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "rm ADDRESS...",
		Short: "Forget something, without touching it",
		Long: `rm forgets what addresses or names of machines mean. The things themselves stay as they are, and nobody takes them away
any more; what is still in the configuration is made again by the next apply. With a machine its steps are forgotten too. What depended on
something that is forgotten depends on what that depended on, so that the order of a destroy stays right.

` + addressHelp,
		Example: `  viver state rm 'node.pc[7]'
  viver state rm node.old pac.old --dry-run
  viver state rm pc07`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: words(a.addresses),
		RunE: func(cmd *cobra.Command, args []string) error {
			forget := func(s *state.State) (*state.State, []string, error) { return s.Without(args...) }
			return edit(a, cmd, dry, forget, "removed", func(at string) string { return would(dry, "forgot ", "would forget ") + at })
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be done")
	return cmd
}

func (a *app) statePushCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "push FILE",
		Short: "Put a state in place of the one there is",
		Long: `push puts a state that pull has printed, or a backup, in place of the one there is; "-" reads it from standard input. It refuses a state
of another lineage, which is not a former or later one of this, and one with a lower serial, which does not know of the last changes; --force
takes it all the same. The serial becomes higher than both had, so that no plan that was made before fits any more.`,
		Example: `  viver state push lab.json
  viver state push .viver/backup-7.json --force
  viver state pull | jq 'del(.checksum) | ...' | viver state push -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pushed, err := readPushed(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			var serial uint64
			err = a.open().withAnyState(cmd.Context(), "viver state push", func(_ home, w state.Writer) error {
				if err := w.State().Follows(pushed); err != nil && !force {
					return fmt.Errorf("state: push %s: %w; --force pushes it all the same", args[0], err)
				}
				err := change(w, func(s *state.State) (*state.State, error) {
					if s.Same(pushed) {
						return nil, nil
					}
					return pushed, nil
				})
				serial = w.State().Serial
				return err
			})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"lineage": pushed.Lineage, "serial": serial, "instances": len(pushed.Instances)})
			}
			fmt.Fprintf(a.out, "The state has %d instances now, and serial %d.\n", len(pushed.Instances), serial)
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also push a state of another lineage or with a lower serial")
	return cmd
}

func readPushed(path string, in io.Reader) (*state.State, error) {
	data, err := []byte(nil), error(nil)
	if path == "-" {
		data, err = io.ReadAll(io.LimitReader(in, state.MaxFile))
	} else {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("state: push: %w", err)
	}
	s, err := state.Decode(data, nil)
	if err != nil {
		return nil, fmt.Errorf("state: push %s: %w", path, err)
	}
	return s, nil
}
