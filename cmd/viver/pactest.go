package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"viver/planner/pac"
	"viver/planner/source"
	"viver/planner/verify"
)

func (a *app) pacTest() *cobra.Command {
	var filter string
	var inLabs bool
	cmd := &cobra.Command{
		Use:   "test [DIR...]",
		Short: "Test Pacs",
		Long: `test runs the files *.test.viver.hcl of each folder, that of -C if none is named, as viver test does: on simulated machines. It also says
what somebody who is given the Pac would miss: descriptions, a README. With --lab it runs the files that have a block lab { }, each on virtual
machines of its own: two that start by BIOS, unless the block says otherwise. viver pac new makes an example of both.

The exit code is 1 if a run has failed; what is only missed does not count.`,
		Example: `  viver pac test pacs/motd
  viver pac test pacs/*
  sudo viver pac test pacs/motd --lab`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if len(args) == 0 {
				args = []string{"."}
			}
			var all error
			for _, dir := range args {
				of := *a
				of.dir = filepath.Join(a.dir, dir)
				t := testRun{project: of.open(), filter: filter, parallel: runtime.GOMAXPROCS(0)}
				if err := t.pac(ctx, inLabs); err != nil {
					a.fail(err)
					all = errReported
				}
			}
			return all
		},
	}
	a.variableFlags(cmd)
	cmd.Flags().StringVar(&filter, "filter", "", "only files and runs with this `TEXT` in their names, and the runs before these")
	cmd.Flags().BoolVar(&inLabs, "lab", false, "run the files with a block lab on virtual machines; needs root")
	return cmd
}

// pac tests the Pac in the folder of the project.
func (t *testRun) pac(ctx context.Context, inLabs bool) error {
	if err := t.missing(); err != nil {
		return err
	}
	files, err := t.files(nil)
	if err != nil {
		return err
	}
	if !inLabs {
		return t.run(ctx, files)
	}
	real := slices.DeleteFunc(files, func(f *verify.File) bool { return f.Lab == nil })
	if len(real) == 0 {
		return fmt.Errorf("pac test --lab: no file *%s in %s has a block lab { } and a room for real machines: viver pac new makes an example", testSuffix, t.dir)
	}
	return t.labs(ctx, real)
}

// missing reads the Pac, and warns of what others would miss in it.
func (t *testRun) missing() error {
	dir, err := source.Local(t.dir)
	if err != nil {
		return fmt.Errorf("pac test: %w", err)
	}
	d, diags := pac.Describe(dir, filepath.Base(dir.Path))
	if diags.HasErrors() {
		return t.report(diags)
	}
	missing, err := d.Lint(dir)
	for _, m := range missing {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Others would miss this in the Pac " + d.Name, Detail: m})
	}
	return errors.Join(err, t.report(diags))
}
