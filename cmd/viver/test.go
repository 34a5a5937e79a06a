package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"viver/planner/lang"
	"viver/planner/verify"
)

func (a *app) testCommand() *cobra.Command {
	var t testRun
	var inLabs bool
	cmd := &cobra.Command{
		Use:   "test [FILE...]",
		Short: "Run the tests of a configuration or a Pac",
		Long: `test runs the files *.test.viver.hcl in the configuration's folder, or those that are named. Each has runs, which plan or apply and then
look whether what they assert is true; at its end everything is destroyed again. The machines are simulated: they are there as soon as they are
asked for, and what they would find out is made up, always in the same way. Nothing is touched.

    variables { rooms = 2 }                     # for all runs
    mock "node" { values = { firmware = "uefi" } }   # of a type, or of an address: node.pc[0]

    run "two_rooms" {
      command = plan                            # or apply, if it is left out
      variables { rooms = 3 }
      world {                                   # what has happened to the simulated machines
        drifted = ["step.file.motd"]            # also gone, rebooted, unreachable, failing
      }
      assert {
        condition     = length(node.pc) == 3 && length(plan.update) == 0
        error_message = "there are ${length(node.pc)} machines"
      }
      expect_failures = [var.rooms]             # also check.NAME, node.pc[0]
    }

Conditions can use all that the configuration declares, output.NAME, run.NAME.OUTPUT of earlier runs, and plan.create, plan.update, plan.replace,
plan.destroy, plan.unreachable (lists of addresses) and plan.arguments[ADDRESS]. A file with blocks of the language in it, as node or pac, is a
configuration of its own: a Pac's test declares a room and calls the Pac by source = "./".

With --lab the runs are real: each file gets a lab of virtual machines, on whose host (10.20.0.1 on br0) viver runs as root. A block
lab with bios = 1, uefi = 1 or memory = 1024 (MB) says which machines; 2 with a BIOS are there without it. Let servers in such tests have a data_dir of
their own. Blocks mock do nothing there, and blocks world are refused.

The exit code is 1 if a run has failed.`,
		Example: `  viver test
  viver test --filter two_rooms
  viver test -C pacs/motd --json
  sudo viver test --lab room.test.viver.hcl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t.project = a.open()
			files, err := t.files(args)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if inLabs {
				return t.labs(ctx, files)
			}
			return t.run(ctx, files)
		},
	}
	a.variableFlags(cmd)
	cmd.Flags().StringVar(&t.filter, "filter", "", "only files and runs with this `TEXT` in their names, and the runs before these")
	cmd.Flags().IntVar(&t.parallel, "parallelism", runtime.GOMAXPROCS(0), "work on `N` files at once")
	cmd.Flags().BoolVar(&inLabs, "lab", false, "run on virtual machines, each file in a lab of its own; needs root")
	cmd.Flags().StringVar(&t.lab, "in-lab", "", "the lab in which this process runs")
	_ = cmd.Flags().MarkHidden("in-lab") // test --lab calls itself with it
	return cmd
}

// testRun is what test was asked to do.
type testRun struct {
	*project
	filter   string
	parallel int
	lab      string // in which it runs; empty: the machines are simulated
}

// files reads the files of tests.
func (t *testRun) files(names []string) ([]*verify.File, error) {
	if len(names) == 0 {
		found, err := filepath.Glob(filepath.Join(t.dir, "*"+testSuffix))
		if err != nil || len(found) == 0 {
			return nil, errors.Join(err, fmt.Errorf("test: there is no file *%s in %s", testSuffix, t.dir))
		}
		names = found
	}
	var files []*verify.File
	failed := false
	for _, name := range names {
		f, err := t.file(name)
		if err != nil {
			t.fail(err)
			failed = true
		}
		files = append(files, f)
	}
	if failed {
		return nil, errReported
	}
	return files, nil
}

const testSuffix = ".test.viver.hcl"

// maxTest is the size in bytes of the largest file of tests.
const maxTest = 16 << 20

func (t *testRun) file(name string) (*verify.File, error) {
	if !lang.IsTest(filepath.Base(name)) || filepath.Ext(name) == ".json" {
		return nil, fmt.Errorf("test: %s: files of tests are called NAME%s", name, testSuffix)
	}
	info, err := os.Stat(name)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxTest) {
		err = fmt.Errorf("%w: it is no file of at most %d MiB", fs.ErrInvalid, maxTest>>20)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("test: %w", err)
	}
	f, diags := verify.Parse(name, data)
	if len(diags) > 0 {
		t.view.Diagnostics(diags, map[string]*hcl.File{name: {Bytes: data}})
	}
	if diags.HasErrors() {
		return nil, errReported
	}
	return f, nil
}
