package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"viver/planner/state"
)

func (a *app) stateRepairCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Save what can be saved of a damaged state",
		Long: `repair is for a state that viver refuses to read, after a disk failed or somebody changed its files. It begins with the newest snapshot that
can be read, which may be a backup, takes over every later change that is whole, and says what is lost. Files that are damaged are
put aside, not removed. A state that is whole is left alone.`,
		Example: `  viver state repair --dry-run
  viver state repair`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.open().home()
			if err != nil {
				return err
			}
			files, ok := h.Backend.(*state.DiskBackend)
			if !ok {
				return errors.New("state: repair is for states in folders: put a snapshot of etcd back (etcdctl snapshot restore), or push one (viver state push)")
			}
			r, err := files.Repair(cmd.Context(), "viver state repair", dry)
			if err != nil {
				return err
			}
			return a.printRepair(r, dry)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be saved")
	return cmd
}

func (a *app) printRepair(r state.Repair, dry bool) error {
	damaged := r.State != nil
	if a.json {
		doc := map[string]any{"dry_run": dry, "damaged": damaged, "lost": append([]string{}, r.Lost...), "put_aside": append([]string{}, r.Aside...)}
		if damaged {
			doc["from"], doc["instances"] = r.From, len(r.State.Instances)
		}
		return a.printJSON(doc)
	}
	if !damaged {
		fmt.Fprintln(a.out, "The state is whole: there is nothing to repair.")
		return nil
	}
	fmt.Fprintf(a.out, "%s %d instances, beginning with %s.\n", would(dry, "Saved", "Would save"), len(r.State.Instances), r.From)
	for _, lost := range r.Lost {
		fmt.Fprintf(a.out, "Lost: %s\n", lost)
	}
	if len(r.Lost) == 0 {
		fmt.Fprintln(a.out, "Nothing is lost.")
	}
	for _, name := range r.Aside {
		fmt.Fprintf(a.out, "%s %s as a file damaged-N.\n", would(dry, "Kept", "Would keep"), name)
	}
	return nil
}
